"""Axes, regions and maps on them."""
