"""What a release says of its training set is what the training set holds."""

from collections import Counter

import numpy as np

from examples import mol_of, read
from forceladder.molecules.domain import atom_environments
from forceladder.release.contents import contents_of
from forceladder.training_set.dataset import read_training_set, write_training_set
from small_set import SPLITS


def test_domain_is_that_of_the_training_molecules_alone(xtb_set, tmp_path):
    write_training_set(xtb_set, tmp_path / "training_set.nc")
    found = contents_of(read_training_set(tmp_path / "training_set.nc")).domain
    assert found.molecules == len(SPLITS["train"])
    assert found.elements == ["C", "H", "N", "O", "S"]
    assert found.net_charge == [-1, 1]
    assert found.atoms == max(mol_of(smiles).GetNumAtoms() for smiles in SPLITS["train"])
    expected = Counter()
    for smiles in SPLITS["train"]:
        expected.update(set(atom_environments(mol_of(smiles))))
    assert found.environments == expected
    unseen = set(atom_environments(mol_of("C=C"))) - set(expected)  # of the test split
    assert unseen == {"CX3: H, H, 2 C"}


def test_molecules_are_all_listed_with_their_splits(xtb_set, tmp_path):
    write_training_set(xtb_set, tmp_path / "training_set.nc")
    found = contents_of(read_training_set(tmp_path / "training_set.nc"))
    assert Counter(row["split"] for row in found.molecules) == {
        split: len(members) for split, members in SPLITS.items()
    }
    smiles = {row["id"]: row["smiles"] for row in found.molecules}
    assert smiles["CC(=O)[O-]"] == read("CC(=O)[O-]")["smiles"]
    assert sum(found.kinds.values()) == np.sum(xtb_set["conformer_count"].values)
