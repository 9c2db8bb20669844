"""NAME.in: the styles, and an example of what to do with them."""

from forceladder.export.lammps.data_file import Types
from forceladder.export.lammps.styles import lennard_jones_of
from forceladder.export.parameters import title
from forceladder.model.heads.nonbonded import COULOMB_14, LENNARD_JONES_14
from forceladder.units import COULOMB

LAMMPS_COULOMB = 332.06371  # kcal/mol Å/e², of `units real` (LAMMPS' src/update.cpp)
CUTOFF = 1000.0  # Å
# Lennard-Jones, and whether there are charges → pair style
PAIR_STYLES = {
    ("lennard_jones", True): "lj/cut/coul/cut",
    ("lennard_jones", False): "lj/cut",
    ("lennard_jones_96", True): "lj/class2/coul/cut",
    ("lennard_jones_96", False): "lj/class2",
    (None, True): "coul/cut",
    (None, False): "zero",
}
MIXING = {"lennard_jones": "arithmetic", "lennard_jones_96": "sixthpower"}
# LAMMPS can be built without each of them; the last one for couplings beyond class II
PACKAGES = ("MOLECULE", "CLASS2", "EXTRA-MOLECULE", "COLVARS")
FIRST_RUN = "run 0"  # what follows it is an example


def input_text(parameters: dict, kinds: dict[str, Types], name: str, colvars: bool) -> str:
    """Energy, a minimization as a comment, and NVE.

    kinds: as in `data_text`      colvars: whether there is a NAME.colvars
    """
    needed = ", ".join(packages(parameters, kinds, colvars))
    lines = [
        f"# {title(parameters)} in vacuum: {parameters['mapped_smiles']}",
        f"# lmp -in {name}.in      LAMMPS with {needed}",
        "",
        "units real",
        "atom_style full",
        "atom_modify map array",
        "boundary m m m",
        *nonbonded_lines(parameters),
        *(style_line(kind, types) for kind, types in kinds.items()),
        "",
        f"read_data {name}.data",
    ]
    if not lennard_jones_of(parameters):
        lines.append("pair_coeff * *")
    if colvars:
        lines += [
            "",
            "# Couplings that LAMMPS' own styles lack; they take most of a step's time. Their",
            "# energy is part of pe, and f_couplings alone. Without them it is another model.",
            f"fix couplings all colvars {name}.colvars output {name}",
            "fix_modify couplings energy yes",
        ]
    return "\n".join([*lines, "", *example(len(parameters["mass"]), colvars), ""])


def packages(parameters: dict, kinds: dict[str, Types], colvars: bool) -> list[str]:
    """Those of PACKAGES that have the styles."""
    styles = {style for types in kinds.values() for style in types.styles}
    class2 = "class2" in styles or lennard_jones_of(parameters) == "lennard_jones_96"
    wanted = (True, class2, "fourier" in styles, colvars)
    return [name for name, is_wanted in zip(PACKAGES, wanted, strict=True) if is_wanted]


def nonbonded_lines(parameters: dict) -> list[str]:
    kind, charged = lennard_jones_of(parameters), "coulomb" in parameters["terms"]
    lines = [
        "",
        "# Nothing is cut off: no molecule is as long as that.",
        f"pair_style {PAIR_STYLES[kind, charged]} {CUTOFF}",
        "neighbor 2.0 nsq",
    ]
    if kind:
        lines.append(f"pair_modify mix {MIXING[kind]}")
    if charged:
        lines += [
            f"# Coulomb's constant: {COULOMB!r} kcal/mol Angstrom/e^2 in the force field,",
            f"# {LAMMPS_COULOMB} in LAMMPS. Their ratio makes up for it.",
            f"dielectric {LAMMPS_COULOMB / COULOMB!r}",
        ]
    return [
        *lines,
        "# Pairs one and two bonds apart have no energy, those three bonds apart a part of it.",
        f"special_bonds lj 0.0 0.0 {LENNARD_JONES_14!r} coul 0.0 0.0 {COULOMB_14!r}",
        "",
    ]


def style_line(kind: str, types: Types) -> str:
    words = ["hybrid", *types.styles] if types.hybrid else types.styles
    return f"{kind}_style {' '.join(words)}"


def example(atoms: int, colvars: bool) -> list[str]:
    columns = "step temp pe ebond eangle edihed eimp evdwl ecoul"
    lines = [
        f"thermo_style custom {columns}{' f_couplings' if colvars else ''} etotal",
        "thermo_modify format float %.8f",
        "",
        "# The energy as it is",
        FIRST_RUN,
        "",
        "# Minimization",
        "# minimize 0.0 1.0e-6 10000 100000",
        "",
        "# Dynamics at constant energy: 0.1 ps",
    ]
    if atoms > 1:
        lines.append("velocity all create 300.0 1 mom yes rot yes")
    return [*lines, "timestep 0.5", "thermo 20", "fix dynamics all nve", "run 200"]
