"""Observations' data: good time intervals and OGIP files."""
