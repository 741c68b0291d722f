"""Fast, exact forward folding for gamma-ray and X-ray spectra."""

__version__ = "0.1.0"

__all__ = ["__version__"]
