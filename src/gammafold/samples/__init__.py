"""Real spectra that ship with gammafold, found by name.

``crab-hess``: four H.E.S.S. runs on the Crab nebula, as published with Nigro et al. 2019 (A&A 625, A10),
under the BSD-3-Clause licence that lies beside the files.
"""

from __future__ import annotations

from pathlib import Path

from gammafold.utils.errors import UnknownNameError

__all__ = ["sample_files", "sample_names"]

_FOLDER = Path(__file__).parent


def sample_names() -> list[str]:
    """Return the names of the packaged samples.

    Examples
    --------
    >>> sample_names()
    ['crab-hess']
    """
    return sorted(path.name for path in _FOLDER.iterdir() if any(path.glob("pha_*.fits")))


def sample_files(name: str) -> list[Path]:
    """Return the PHA files of a sample; their responses and backgrounds lie beside them.

    Parameters
    ----------
    name : str
        One of `sample_names`.

    Raises
    ------
    UnknownNameError
        If there is no such sample.

    Examples
    --------
    >>> [path.name for path in sample_files("crab-hess")][:2]
    ['pha_obs23523.fits', 'pha_obs23526.fits']
    """
    names = sample_names()
    if name not in names:
        raise UnknownNameError(f"no sample {name!r}: there are {names}")
    return sorted((_FOLDER / name).glob("pha_*.fits"))
