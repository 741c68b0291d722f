"""Helpers that know nothing of spectra."""
