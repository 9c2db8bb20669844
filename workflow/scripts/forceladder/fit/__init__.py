"""Fitting a rung to a training set. Needs torch, numpy, xarray and an HDF5 reader, no more."""
