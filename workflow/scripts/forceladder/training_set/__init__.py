"""The training set: one flat, ragged, self-contained NetCDF file (fields.py)."""
