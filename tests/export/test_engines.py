"""What holds for every engine that a release is written for."""

import pytest

from force_fields import dataset_of, embedded, topology
from forceladder.errors import ExportError
from forceladder.export.engines import ENGINES, engine_module, write_engine
from forceladder.export.parameters import molecule_parameters
from ladder import LADDER, ladder_rung


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "lammps"])
@pytest.mark.parametrize("rung", ["class2", "delta", "mlff"])
def test_other_rungs_are_refused_by_what_has_no_form(name, rung, tmp_path):
    """All but LAMMPS are for class I."""
    called = {"amber": "AMBER", "gromacs": "GROMACS", "ffxml": "ForceField", "offxml": "offxml"}
    model = ladder_rung(topology("CCO"), LADDER[rung])
    (parameters,) = molecule_parameters(model, dataset_of("CCO"))
    sentence = engine_module(name).refusal(parameters)
    assert called[name] in sentence
    assert ("bond_quartic" if rung == "class2" else "neural") in sentence
    with pytest.raises(ExportError, match=called[name]):
        write_engine(name, parameters, embedded("CCO"), tmp_path, "molecule")
    assert not list(tmp_path.iterdir())
