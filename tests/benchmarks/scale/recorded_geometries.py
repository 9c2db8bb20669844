"""Stands in for the script generate_geometries.py: geometries come from the library."""

import json
import os
import sys
from pathlib import Path

from forceladder import files, job
from forceladder.molecules.geometries import geometries_to_sdf


def main(snakemake):
    settings = json.loads(Path(os.environ["FORCELADDER_SCALE"]).read_text())
    sys.path.insert(0, settings["scale"])
    from library import recorded_geometries

    with files.atomic_directory(snakemake.output.geometries, listed=True) as folder:
        for molecule in files.read_json(snakemake.input.molecules)["accepted"]:
            geometries = recorded_geometries(settings["library"], molecule["id"])
            text = geometries_to_sdf(molecule, geometries[: settings["geometries"]])
            files.write_text(folder / f"{molecule['id']}.sdf", text)
        files.write_json(folder / "rejected.json", [])
        files.write_json(folder / "left_out.json", [])


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
