"""Releases: gates, assembly, manifest, verification."""
