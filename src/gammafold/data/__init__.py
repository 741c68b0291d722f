"""Data from files: good time intervals and OGIP spectra."""

from gammafold.data.gti import GTI

__all__ = ["GTI"]
