"""QM records: QCSchema AtomicResult and FailedOperation, one JSON value per line.

Everything of ours that QCSchema has no place for lies in `extras["forceladder"]`.
"""

import numpy as np

from forceladder.qm.dispersion import d3bj
from forceladder.qm.engines import ENGINES
from forceladder.qm.tasks import level_of_theory


def make_record(task: dict, molecule: dict, result: dict) -> dict:
    """The QCSchema record of one task; a failure becomes a record too.

    task: as `make_task` returns it        molecule: the qcschema molecule it came from
    result: as a runner gives it, Hartree and Bohr; D3(BJ) is added here
    """
    request = {
        "molecule": molecule,
        "driver": "gradient",
        "model": {"method": _method(task["spec"]), "basis": task["spec"]["basis"]},
        "keywords": task["spec"]["keywords"] or {},
    }
    extras = {
        "task_digest": task["digest"],
        "level_of_theory": level_of_theory(task["spec"]),
        "wall_seconds": result["wall_seconds"],
        "cpu_seconds": result["cpu_seconds"],
        **({"attempts": result["attempts"]} if "attempts" in result else {}),
    }
    make = success_record if result["success"] else failure_record
    return make(task, request, extras, result)


def failure_record(task: dict, request: dict, extras: dict, result: dict) -> dict:
    """QCSchema FailedOperation."""
    error = {key: result[key] for key in ("error_type", "error_message")}
    return {
        "id": task["digest"],
        "input_data": {"schema_name": "qcschema_input", "schema_version": 1, **request},
        "success": False,
        "error": error,
        "extras": {"forceladder": extras},
    }


def success_record(task: dict, request: dict, extras: dict, result: dict) -> dict:
    """QCSchema AtomicResult; ESP and charges, where the engine gives them, in the extras."""
    energy, gradient = with_dispersion(task, result)
    extras = {**extras, "energy_without_dispersion": result["energy"]}
    if task["spec"]["dispersion"]:
        extras["dispersion_energy"] = energy - result["energy"]
    if "esp" in result:
        extras["esp_grid"], extras["esp"] = task["esp_grid"], result["esp"]
    extras |= {key: result[key] for key in ("charges", "wiberg_bond_orders") if key in result}
    properties = {
        "calcinfo_natom": len(task["symbols"]),
        "return_energy": energy,
        "scf_dipole_moment": result["dipole"],
    }
    if "quadrupole" in result:
        properties["scf_quadrupole_moment"] = result["quadrupole"]
    creator = ENGINES[task["spec"]["engine"]].creator
    version = task["engine_version"].split()[-1]  # 'tblite 0.8.0', '1.3.2'
    return {
        "id": task["digest"],
        "schema_name": "qcschema_output",
        "schema_version": 1,
        **request,
        "properties": properties,
        "return_result": gradient.ravel().tolist(),
        "provenance": {"creator": creator, "version": version, "routine": "forceladder"},
        "success": True,
        "extras": {"forceladder": extras},
    }


def _method(spec: dict) -> str:
    return level_of_theory({**spec, "basis": None}).lower()


def with_dispersion(task: dict, result: dict) -> tuple[float, np.ndarray | None]:
    """Energy (Hartree) and gradient [atoms, 3] (Hartree/Bohr, None for the driver energy) of a
    result, D3(BJ) added where the spec asks for it."""
    energy, gradient = result["energy"], None
    if "gradient" in result:
        gradient = np.reshape(result["gradient"], (-1, 3))
    if task["spec"]["dispersion"]:
        more, slope = d3bj(task["symbols"], task["geometry"], task["spec"]["dispersion"])
        energy, gradient = energy + more, None if gradient is None else gradient + slope
    return energy, gradient
