"""Stands in for the program `psi4`: waits, and returns the recorded result of a geometry.

It is called as Psi4 is, and speaks its runner's protocol (qm/runners/protocol.py). The file that
FORCELADDER_SCALE names says how: {library, folder, wait_seconds, crash_fraction,
failure_fraction, seed}. A crash is the end of this process, once for a task; a failure is for good.
Both are drawn from the task and the seed alone. In the folder lie `calls` (a line for every
calculation that began: its key, this process, its CPU seconds so far), and crashed/{key}.
"""

import hashlib
import json
import os
import sqlite3
import sys
import time
from array import array

BOHR_IN_ANGSTROM = 0.529177210903
GRID = 1e-4  # Å; see library.py


def main():
    if "--version" in sys.argv:
        print("recorded-1")
        return
    sys.path.insert(0, os.environ["FORCELADDER_RUNNERS"])
    from protocol import run

    with open(os.environ["FORCELADDER_SCALE"]) as file:
        settings = json.load(file)
    library = sqlite3.connect(f"file:{settings['library']}?mode=ro", uri=True)
    calls = os.open(
        os.path.join(settings["folder"], "calls"), os.O_WRONLY | os.O_CREAT | os.O_APPEND
    )
    run(lambda task: compute(task, settings, library, calls))


def compute(task, settings, library, calls):
    """As psi4_runner.compute; charges are MMFF94's, bond orders those of the Lewis structure."""
    key = key_of(task)
    line = f"{key.hex()} {os.getpid()} {time.process_time():.4f}\n"
    os.write(calls, line.encode())  # one write to a file that is appended to is whole
    fate = drawn(key, settings["seed"])
    if fate < settings["crash_fraction"]:
        die_once(os.path.join(settings["folder"], "crashed", key.hex()))
    time.sleep(settings["wait_seconds"])
    if fate > 1 - settings["failure_fraction"]:
        raise ValueError("this task fails for good, as was drawn for it")
    molecule, energy, gradient = library.execute(
        "select molecule, energy, gradient from result where key = ?", (key,)
    ).fetchone()
    charges, bonds = map(json.loads, library.execute(
        "select charges, bonds from molecule where id = ?", (molecule,)
    ).fetchone())  # fmt: skip
    return answer(task, energy, array("d", gradient).tolist(), charges, bonds)


def key_of(task):
    steps = [round(x * BOHR_IN_ANGSTROM / GRID) for x in task["geometry"]]
    text = " ".join([*task["symbols"], *map(str, steps)])
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def drawn(key, seed):
    """A number in [0, 1) that depends on the task and the seed alone."""
    hashed = hashlib.blake2b(key + str(seed).encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big") / 2**64


def die_once(mark):
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os._exit(139)  # as a shell reports a segmentation fault


def answer(task, energy, gradient, charges, bonds):
    atoms = list(zip(*[iter(task["geometry"])] * 3, strict=True))
    result = {
        "energy": energy,
        "gradient": gradient,
        "dipole": [sum(q * x[k] for q, x in zip(charges, atoms, strict=True)) for k in range(3)],
        "quadrupole": [
            sum(q * x[i] * x[j] for q, x in zip(charges, atoms, strict=True))
            for i in range(3)
            for j in range(3)
        ],
        "wiberg_bond_orders": [0.0] * len(atoms) ** 2,
    }
    for i, j, order in bonds:
        for place in (i * len(atoms) + j, j * len(atoms) + i):
            result["wiberg_bond_orders"][place] = order
    if task["esp_grid"] is not None:
        result["esp"] = potential(task["esp_grid"], atoms, charges)
    return result


def potential(grid, atoms, charges):
    """Hartree/e, of point charges."""
    import numpy as np  # deferred: most campaigns here ask for no grid

    apart = np.reshape(grid, (-1, 1, 3)) - np.array(atoms)
    return (np.array(charges) / np.linalg.norm(apart, axis=-1)).sum(axis=1).tolist()


main()
