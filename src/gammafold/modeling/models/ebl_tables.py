"""Published tables of the optical depth of the universe, as the package ``ebltable`` holds them.

Sources: Dominguez et al. (2011, MNRAS 410, 2556); Franceschini et al. (2008, A&A 487, 837); Finke et al. (2010,
ApJ 712, 238), model C; Franceschini & Rodighiero (2017, A&A 603, A34); Saldana-Lopez et al. (2021, MNRAS 507, 5144).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

import astropy.units as u
import numpy as np

from gammafold.utils.errors import UnknownNameError
from gammafold.utils.optional import require_package

__all__ = ["builtin_table", "known_file", "reference_of"]

# The field's names of tables, where they are not those of ebltable.
_RENAMED: Mapping[str, str] = MappingProxyType(
    {"franceschini17": "franceschini2017", "saldana-lopez21": "saldana-lopez"}
)
# Where the field's files of models find the same tables.
_FILES: Mapping[str, str] = MappingProxyType(
    {
        "franceschini": "ebl_franceschini.fits.gz",
        "dominguez": "ebl_dominguez11.fits.gz",
        "finke": "frd_abs.fits.gz",
        "franceschini17": "ebl_franceschini_2017.fits.gz",
        "saldana-lopez21": "ebl_saldana-lopez_2021.fits.gz",
    }
)


def builtin_table(reference: str) -> tuple[u.Quantity, np.ndarray, np.ndarray]:
    """Return energies (n,), redshifts (m,) and optical depths (m, n) of a table.

    Raises
    ------
    MissingPackageError
        If ``ebltable`` is not installed.
    UnknownNameError
        If there is no such table.
    """
    require_package("ebltable", "ebl")
    from ebltable.tau_from_model import OptDepth

    known = [*_FILES, *(name for name in OptDepth.get_models() if name not in (*_FILES, *_RENAMED.values()))]
    if reference not in known:
        raise UnknownNameError(f"no table of absorption {reference!r}: there are {known}")
    table = OptDepth.readmodel(_RENAMED.get(reference, reference))
    return u.Quantity(10.0**table.x, "GeV"), np.asarray(table.y), np.asarray(table.Z).T


def known_file(reference: str | None) -> str | None:
    """Return the file of a table in the field's collection of data; None where it has none."""
    file = _FILES.get(reference or "")
    return None if file is None else f"$GAMMAPY_DATA/ebl/{file}"


def reference_of(filename: str | None) -> str | None:
    """Return which built-in table a file of the field's collection holds; None for any other file."""
    name = PurePosixPath(filename or "").name
    return next((reference for reference, file in _FILES.items() if file == name), None)
