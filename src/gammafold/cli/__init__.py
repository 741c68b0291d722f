"""The command ``gammafold``."""
