"""Validation: the same questions put to every rung and every baseline."""
