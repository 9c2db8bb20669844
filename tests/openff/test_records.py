"""Record lines of qcportal's own record objects, built from what a server sends."""

import numpy as np
import pytest

from forceladder.errors import MoleculeError
from forceladder.molecules.listing import MAPPED
from forceladder.openff.packages import HOW
from forceladder.openff.records import (
    level_name,
    optimization_line,
    singlepoint_line,
    torsiondrive_lines,
)
from forceladder.qm.tasks import level_of_theory

pytest.importorskip("qcportal", reason=f"qcportal is not installed here; {HOW}.")

WATER = "[O:1]([H:2])[H:3]"
GEOMETRY = [0.0, 0.0, 0.1, 0.0, 1.4, -1.0, 0.0, -1.4, -1.0]  # Bohr
GRADIENT = [0.01 * k for k in range(9)]
BASE = {
    "is_service": False, "status": "complete", "manager_name": "x", "creator_user": None,
    "created_on": "2026-01-01T00:00:00", "modified_on": "2026-01-01T00:00:00",
}  # fmt: skip


def molecule(**more) -> dict:
    return {
        "symbols": ["O", "H", "H"], "geometry": GEOMETRY, "molecular_charge": 0.0,
        "molecular_multiplicity": 1, "fix_com": True, "fix_orientation": True, **more,
    }  # fmt: skip


def specification(driver: str = "gradient", method: str = "b3lyp-d3bj", basis="dzvp") -> dict:
    return {"program": "psi4", "driver": driver, "method": method, "basis": basis}


def singlepoint(properties: dict, driver: str = "gradient", number: int = 1, **more):
    from qcportal.singlepoint import SinglepointRecord

    return SinglepointRecord(
        id=number, specification=specification(driver), molecule_id=1, properties=properties,
        molecule=molecule(**more), extras={}, **BASE,
    )  # fmt: skip


def optimization(energies, keywords: dict, number: int = 2, **more):
    from qcportal.optimization import OptimizationRecord

    return OptimizationRecord(
        id=number, initial_molecule_id=1, final_molecule_id=1, energies=energies, properties={},
        specification={
            "program": "geometric", "keywords": keywords,
            "qc_specification": specification("deferred"),
        },
        final_molecule=molecule(**more), extras={}, **BASE,
    )  # fmt: skip


def torsiondrive(points: dict):
    """A record with two driven torsions; points: grid point as text → OptimizationRecord."""
    from qcportal.torsiondrive import TorsiondriveRecord

    return TorsiondriveRecord(
        id=9, extras={}, properties={}, **BASE | {"is_service": True},
        specification={
            "program": "torsiondrive",
            "keywords": {"dihedrals": [[0, 1, 2, 3], [1, 2, 3, 4]], "grid_spacing": [90, 30]},
            "optimization_specification": {
                "program": "geometric", "qc_specification": specification("deferred")
            },
        },
        minimum_optimizations={point: record.id for point, record in points.items()},
        optimization_records={
            point: [record.dict(by_alias=True, exclude_unset=True)]
            for point, record in points.items()
        },
    )  # fmt: skip


def test_atomic_units_of_psi4_since_1_4_stay_as_they_are():
    dipole, quadrupole = [0.1, 0.2, 0.3], [[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]]
    orders = [[0.0, 0.9, 0.9], [0.9, 0.0, 0.01], [0.9, 0.01, 0.0]]
    properties = {
        "return_energy": -76.0, "return_result": GRADIENT, "scf_dipole_moment": dipole,
        "scf quadrupole": quadrupole, "wiberg_lowdin_indices": orders,
    }  # fmt: skip
    line = singlepoint_line(singlepoint(properties), WATER, "server")
    assert line["properties"]["scf_dipole_moment"] == dipole
    assert line["properties"]["scf_quadrupole_moment"] == np.ravel(quadrupole).tolist()
    assert line["extras"]["forceladder"]["wiberg_bond_orders"] == np.ravel(orders).tolist()
    assert line["return_result"] == GRADIENT and line["driver"] == "gradient"
    assert line["molecule"]["geometry"] == GEOMETRY
    assert line["extras"]["forceladder"]["level_of_theory"] == "B3LYP-D3BJ/DZVP"


def test_debye_of_psi4_before_1_4_become_atomic_units():
    properties = {
        "return_energy": -76.0, "return_result": GRADIENT, "scf_dipole_moment": [2.541746473, 0, 0],
        "scf dipole x": 2.541746473, "scf dipole y": 0.0, "scf dipole z": 0.0,
    }  # fmt: skip
    line = singlepoint_line(singlepoint(properties), WATER, "server")
    np.testing.assert_allclose(line["properties"]["scf_dipole_moment"], [1.0, 0.0, 0.0], atol=1e-9)


def test_what_a_record_lacks_is_absent():
    properties = {"return_energy": -76.0, "return_result": -76.0}
    line = singlepoint_line(singlepoint(properties, "energy"), WATER, "server")
    assert line["properties"] == {"calcinfo_natom": 3, "return_energy": -76.0}
    assert line["driver"] == "energy" and line["return_result"] == -76.0
    with pytest.raises(MoleculeError, match="record 1 of the driver properties holds no energy"):
        singlepoint_line(singlepoint({}, "properties"), WATER, "server")


def test_a_geometry_of_our_own_is_known_again():
    extras = {"geometry_kind": "sampled", "temperature_kelvin": 300.0, MAPPED: WATER}
    properties = {"return_energy": -76.0, "return_result": GRADIENT}
    line = singlepoint_line(singlepoint(properties, extras=extras), WATER, "server")
    assert line["molecule"]["extras"] == extras


@pytest.mark.parametrize(
    "smiles, more, code",
    [
        ("[H:1][O:2][H:3]", {}, "atoms_disagree"),
        ("[O:1]([H:2])[H:4]", {}, "parse_failed"),
        ("[O:1]([H:2])[H:3]", {"molecular_charge": 1.0, "molecular_multiplicity": 2}, "charge_mis"),
        ("[H:2].[O:1][H:3]", {}, "several_components"),
    ],
)
def test_another_molecule_is_no_record_of_this_one(smiles, more, code):
    record = singlepoint({"return_energy": -76.0, "return_result": GRADIENT}, **more)
    with pytest.raises(MoleculeError) as raised:
        singlepoint_line(record, smiles, "server")
    assert raised.value.code.startswith(code)


def test_an_optimization_is_its_last_step():
    last = singlepoint({"return_energy": -76.2, "return_result": GRADIENT}, number=7)
    line = optimization_line(optimization([-76.0, -76.1, -76.2], {}), last, WATER, "server")
    assert line["properties"]["return_energy"] == -76.2
    assert line["return_result"] == GRADIENT
    assert line["molecule"]["extras"]["geometry_kind"] == "minimum"
    ours = line["extras"]["forceladder"]
    assert ours["qcarchive"] == {
        "server": "server", "record_type": "optimization", "record_id": 2, "singlepoint_id": 7
    }  # fmt: skip
    assert ours["procedure"]["steps"] == 3


def test_without_its_trajectory_an_optimization_has_an_energy_alone():
    line = optimization_line(optimization([-76.0, -76.2], {}), None, WATER, "server")
    assert line["driver"] == "energy" and line["return_result"] == -76.2


def test_a_geometry_under_constraints_is_no_minimum():
    held = {"constraints": {"freeze": [{"type": "distance", "indices": [0, 1]}], "set": []}}
    line = optimization_line(optimization([-76.0], held), None, WATER, "server")
    assert line["molecule"]["extras"]["geometry_kind"] == "imported"


def test_two_torsions_driven_at_once_have_two_angles():
    points = {
        "[90, -30]": optimization([-76.1], {}, number=21),
        "[-90, 60]": optimization([-76.0], {}, number=22),
    }
    lines = torsiondrive_lines(torsiondrive(points), {}, WATER, "server")
    scans = [line["molecule"]["extras"]["scan"] for line in lines]
    assert [scan["angles_degrees"] for scan in scans] == [[-90.0, 60.0], [90.0, -30.0]]
    assert scans[0]["torsions"] == [[0, 1, 2, 3], [1, 2, 3, 4]]
    assert scans[0]["spacing_degrees"] == [90.0, 30.0]
    assert [line["properties"]["return_energy"] for line in lines] == [-76.0, -76.1]
    said = [line["extras"]["forceladder"]["qcarchive"] for line in lines]
    assert [(item["record_id"], item["torsiondrive_id"]) for item in said] == [(22, 9), (21, 9)]


def test_levels_of_theory_have_the_names_that_our_own_have(b3lyp_spec, hf_spec, xtb_spec):
    assert level_name("b3lyp-d3bj", "dzvp") == level_of_theory(b3lyp_spec)
    assert level_name("hf-d3bj", "6-31g*") == level_of_theory(hf_spec)
    assert level_name("gfn2xtb", None) == level_of_theory(xtb_spec)
