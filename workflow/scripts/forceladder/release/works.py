"""The work of others in a release: under which licence it stands, and how it is cited.

Licences are as their owners state them in their repositories; where a package is installed, a test
holds them against what it says of itself.
"""

from typing import NamedTuple

from forceladder.model.alternatives import LENNARD_JONES


class Work(NamedTuple):
    """name; what: its part in a release; licence: SPDX; package: its name for pip, '' if none;
    reference: authors, journal, year; doi"""

    name: str
    what: str
    licence: str
    package: str = ""
    reference: str = ""
    doi: str = ""


TOOLS = (
    Work("RDKit", "molecules, conformers, MMFF94 and UFF", "BSD-3-Clause", "rdkit"),
    Work("PyTorch", "the fit", "BSD-3-Clause", "torch"),
    Work("DGL", "messages on graphs, where installed", "Apache-2.0", "dgl"),
    Work("NumPy", "arrays", "BSD-3-Clause", "numpy"),
    Work("xarray", "data files", "Apache-2.0", "xarray"),
    Work("OpenMM", "molecular dynamics", "MIT (its GPU platforms LGPL-3.0-or-later)", "openmm",
         "Eastman et al., J. Phys. Chem. B 128, 109 (2024)", "10.1021/acs.jpcb.3c06662"),
    Work("tblite", "sampling with GFN2-xTB", "LGPL-3.0-or-later", "tblite"),
    Work("GFN2-xTB", "sampling, and a baseline", "a published method", "",
         "Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 15, 1652 (2019)",
         "10.1021/acs.jctc.8b01176"),
    Work("geomeTRIC", "relaxed geometries", "BSD-3-Clause", "geometric",
         "Wang, Song, J. Chem. Phys. 144, 214108 (2016)", "10.1063/1.4952956"),
    Work("torsiondrive", "torsion scans", "MIT", "torsiondrive",
         "Qiu et al., J. Chem. Phys. 152, 244116 (2020)", "10.1063/5.0009232"),
    Work("ASE", "sampling", "LGPL-2.1-or-later", "ase"),
    Work("QCElemental", "records of QM", "BSD-3-Clause", "qcelemental"),
    Work("Snakemake", "the workflow", "MIT", "snakemake"),
    Work("matplotlib", "pictures", "PSF-based", "matplotlib"),
)  # fmt: skip
PSI4 = Work(
    "Psi4", "the reference", "LGPL-3.0-only", "",
    "Smith et al., J. Chem. Phys. 152, 184108 (2020)", "10.1063/5.0006002",
)  # fmt: skip
DISPERSION = Work(
    "D3(BJ) by s-dftd3", "dispersion of the reference", "LGPL-3.0-or-later", "dftd3",
    "Grimme, Ehrlich, Goerigk, J. Comput. Chem. 32, 1456 (2011)", "10.1002/jcc.21759",
)  # fmt: skip
SAGE = Work(
    "OpenFF Sage 2.3.0", "Lennard-Jones parameters", "CC-BY-4.0", "",
    "Boothroyd et al., J. Chem. Theory Comput. 19, 3251 (2023)", "10.1021/acs.jctc.3c00039",
)  # fmt: skip
CHARGES = Work(
    "Electronegativity equalization", "charges", "a published method", "",
    "Gilson, Gilson, Potter, J. Chem. Inf. Comput. Sci. 43, 1982 (2003)", "10.1021/ci034148o",
)  # fmt: skip
ESPALOMA = Work(
    "Espaloma", "the idea of a graph network that writes parameters", "a published method", "",
    "Wang et al., Chem. Sci. 13, 12016 (2022)", "10.1039/D2SC02739A",
)  # fmt: skip
MACE = Work(
    "MACE", "the network of a correction", "MIT", "mace-torch",
    "Batatia et al., NeurIPS 35 (2022)",
)  # fmt: skip


def works_of(account: dict) -> list[Work]:
    """Those that went into a release; account: of `account_of`."""
    rungs = [account["config"]["rungs"][rung] for rung in account["rungs"]]
    terms = {term for rung in rungs for term in rung["terms"]}
    mace = any(rung.get("correction", {}).get("architecture") == "mace" for rung in rungs)
    asked = [
        (PSI4, account["engine"]["engine"] == "psi4"),
        (DISPERSION, bool(account["spec"].get("dispersion"))),
        (SAGE, not terms.isdisjoint(LENNARD_JONES)),
        (CHARGES, "coulomb" in terms),
        (ESPALOMA, terms != {"correction"}),
        (MACE, mace),
    ]
    return [work for work, used in asked if used] + list(TOOLS)
