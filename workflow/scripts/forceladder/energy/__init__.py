"""Energies and forces of molecular mechanics, from topology, geometry and parameters."""
