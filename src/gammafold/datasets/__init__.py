"""Datasets: counts, responses and models together."""
