"""Spectral, temporal and sky models."""
