"""One run of the whole workflow that several files of tests look at."""

import pytest

from checkout import Checkout

MOLECULES = """\
id,smiles,charge,multiplicity,split
methanol,CO,0,,train
water,O,,,train
ammonium,[NH4+],1,1,train
open-ring,C1CC,,,train
selenol,C[SeH],,,train
doublet-methane,C,,2,train
twin,OC,,,test
formaldehyde,C=O,,,test
"""


@pytest.fixture(scope="session")
def run(tmp_path_factory, psi4_version):
    """A finished run on four molecules and three poison ones, with Psi4 as the reference."""
    checkout = Checkout(tmp_path_factory.mktemp("tiny"), MOLECULES)
    checkout.output = checkout.run().stdout
    assert checkout.release.is_dir(), checkout.output[-6000:]
    return checkout
