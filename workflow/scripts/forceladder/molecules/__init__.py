"""Molecules: reading and checking them, their conformers, their tables of indices."""
