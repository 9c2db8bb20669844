"""Geometries of a set of molecules, with their internal coordinates and B matrix.

Positions of all conformers lie flat, one row per conformer and atom. Each row of a
topology table occurs once per conformer of its molecule: these occurrences are called
instances, and those of one row lie together. Coordinates are worked out once and kept,
because a fit never moves an atom.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from forceladder.energy.coordinates import COORDINATES, Harmonics, harmonics
from forceladder.energy.topology import Topology


class Instances(NamedTuple):
    """Of one table.

    row [instances] in the table; conformer [instances]; atoms [instances, k] position rows;
    count [rows], how many a row has; first [rows], the first of them
    """

    row: Tensor
    conformer: Tensor
    atoms: Tensor
    count: Tensor
    first: Tensor


class Geometry:
    """positions [rows, 3] Å; molecule [conformers]; position_conformer, position_atom [rows]."""

    def __init__(self, topology: Topology, conformer_count: Tensor, positions: Tensor):
        """conformer_count: [molecules]      positions: [Σ conformers × atoms, 3] Å"""
        device = positions.device
        conformer_count = conformer_count.to(device)
        molecules = torch.arange(len(conformer_count), device=device)
        self.topology = topology
        self.positions = positions
        self.conformer_count = conformer_count
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
        self._shift = first_position - first_atom[self.molecule]
        self.position_atom = (
            torch.arange(len(positions), device=device) - self._shift[self.position_conformer]
        )
        self._instances: dict = {}
        self._coordinates: dict = {}
        self._members: dict = {}
        self._values: dict = {}

    def forget(self):
        """Drop what was kept; it is worked out anew when it is asked for."""
        self._instances, self._coordinates, self._members, self._values = {}, {}, {}, {}

    def move(self, positions: Tensor):
        """New positions of the same atoms, [rows, 3] Å; index tables stay as they are."""
        self.positions, self._coordinates, self._values = positions, {}, {}

    def instances(self, table: str) -> Instances:
        """The occurrences of a table's rows in the conformers."""
        if table not in self._instances:
            topology, device = self.topology, self.positions.device
            rows = torch.arange(len(topology.atoms[table]), device=device)
            molecule = torch.repeat_interleave(
                torch.arange(len(self.conformer_count), device=device), topology.count[table]
            )
            count = self.conformer_count[molecule]
            first = torch.cumsum(count, 0) - count
            row = torch.repeat_interleave(rows, count)
            within = torch.arange(len(row), device=device) - first[row]
            first_conformer = torch.cumsum(self.conformer_count, 0) - self.conformer_count
            conformer = first_conformer[molecule][row] + within
            atoms = topology.atoms[table][row] + self._shift[conformer][:, None]
            self._instances[table] = Instances(row, conformer, atoms, count, first)
        return self._instances[table]

    def coordinate(self, name: str) -> tuple[Tensor | Harmonics, Tensor, Tensor]:
        """An internal coordinate of COORDINATES, one for each instance of its table.

        returns: values [instances] (Å or rad; Harmonics of a torsion), their derivatives
            [instances, k, 3] and the position rows of these, [instances, k]; in memory the
            instances of one atom and component lie together
        """
        if name not in self._coordinates:
            table, columns, function, periodic = COORDINATES[name]
            atoms = self.instances(table).atoms[:, columns]
            values, derivatives = function(self.positions[atoms])
            self._coordinates[name] = (
                harmonics(values) if periodic else values,
                derivatives.permute(1, 2, 0).contiguous().permute(2, 0, 1),
                atoms.T.contiguous().T,
            )
        return self._coordinates[name]

    def member(self, table: str, name: str, member: int) -> Tensor | None:
        """Instances of coordinate `name` that the instances of `table` have as their `member`.

        returns: [instances of table], or None where they are the same ones, row by row
        """
        if COORDINATES[name].table == table:
            return None
        key = (table, name, member)
        if key not in self._members:
            rows = self.topology.members[table][name][:, member]
            here, there = self.instances(table), self.instances(COORDINATES[name].table)
            within = torch.arange(len(here.row), device=rows.device) - here.first[here.row]
            self._members[key] = there.first[rows][here.row] + within
        return self._members[key]

    def values(self, table: str, name: str, member: int) -> Tensor | Harmonics:
        """Coordinate `name` of every instance of `table`, which has it as its `member`."""
        key = (table, name, member)
        if key not in self._values:
            values, place = self.coordinate(name)[0], self.member(*key)
            if place is not None and isinstance(values, Harmonics):
                values = Harmonics(values.cosine[place], values.sine[place])
            elif place is not None:
                values = values[place]
            self._values[key] = values
        return self._values[key]
