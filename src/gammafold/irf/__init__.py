"""Instrument responses."""
