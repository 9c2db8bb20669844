"""Molecular dynamics with released parameters, and measures of its stability."""
