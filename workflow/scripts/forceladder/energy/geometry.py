"""Geometries of a set of molecules, with their internal coordinates and B matrix.

Positions of all conformers lie flat, one row per conformer and atom. Each row of a
topology table occurs once per conformer of its molecule: these occurrences are called
instances. Coordinates are worked out once and kept, because a fit never moves an atom.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from forceladder.energy.coordinates import BY_ATOM_COUNT
from forceladder.energy.topology import Topology
from forceladder.fields import TABLES


class Instances(NamedTuple):
    """row [instances] in the table; conformer [instances]; atoms [instances, k] position rows."""

    row: Tensor
    conformer: Tensor
    atoms: Tensor


class Geometry:
    """positions [rows, 3] Å; molecule [conformers]; position_conformer [rows]."""

    def __init__(self, topology: Topology, conformer_count: Tensor, positions: Tensor):
        """conformer_count: [molecules]      positions: [Σ conformers × atoms, 3] Å"""
        device = positions.device
        conformer_count = conformer_count.to(device)
        molecules = torch.arange(len(conformer_count), device=device)
        self.positions = positions
        self.molecule = torch.repeat_interleave(molecules, conformer_count)
        atoms = topology.atom_count[self.molecule]
        if int(atoms.sum()) != len(positions):
            raise ValueError(f"{len(positions)} positions for {int(atoms.sum())} atoms")
        self.conformers = len(self.molecule)
        self.position_conformer = torch.repeat_interleave(
            torch.arange(self.conformers, device=device), atoms
        )
        first_position = torch.cumsum(atoms, 0) - atoms
        first_atom = torch.cumsum(topology.atom_count, 0) - topology.atom_count
        # position row of an atom (counted through the set) in a conformer: atom + shift
        shift = first_position - first_atom[self.molecule]
        self.position_atom = (
            torch.arange(len(positions), device=device) - shift[self.position_conformer]
        )
        self.instances = {table: self._instances(topology, table, shift) for table in TABLES}
        self._coordinates: dict = {}

    def _instances(self, topology: Topology, table: str, shift: Tensor) -> Instances:
        count = topology.count[table]
        per_conformer = count[self.molecule]
        conformer = torch.repeat_interleave(
            torch.arange(self.conformers, device=count.device), per_conformer
        )
        first_row = torch.cumsum(count, 0) - count
        first_instance = torch.cumsum(per_conformer, 0) - per_conformer
        within = torch.arange(len(conformer), device=count.device) - first_instance[conformer]
        row = first_row[self.molecule[conformer]] + within
        atoms = topology.atoms[table][row] + shift[conformer][:, None]
        return Instances(row, conformer, atoms)

    def coordinate(self, table: str, columns: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """Internal coordinate of the atoms in `columns` of a table's rows.

        Two columns make a distance (Å), three an angle, four a torsion (rad).

        returns: values [instances], derivatives [instances, k, 3], position rows [instances, k]
        """
        key = (table, columns)
        if key not in self._coordinates:
            atoms = self.instances[table].atoms[:, columns]
            values, derivatives = BY_ATOM_COUNT[len(columns)](self.positions[atoms])
            self._coordinates[key] = (values, derivatives, atoms)
        return self._coordinates[key]
