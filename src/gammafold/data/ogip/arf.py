"""Effective areas: ``SPECRESP`` tables (OGIP memo CAL/GEN/92-002, section 4)."""

from __future__ import annotations

import os

import numpy as np

from gammafold.data.ogip.companions import locate
from gammafold.data.ogip.fitstable import read_tables
from gammafold.data.ogip.model import AncillaryResponse
from gammafold.data.ogip.quantities import Remarks, energies, find_tables, scale_to

__all__ = ["read_arf"]


def read_arf(path: str | os.PathLike[str]) -> AncillaryResponse:
    """Read an effective area.

    Parameters
    ----------
    path : str or path-like
        The file; ``path.gz`` is taken where only that exists.

    Returns
    -------
    arf : AncillaryResponse
        Energies in keV, area in cm2.

    Raises
    ------
    FileFormatError
        If the file cannot be read; the message names file, extension and column.

    Examples
    --------
    >>> from gammafold.samples import sample_files
    >>> folder = sample_files("crab-hess")[0].parent
    >>> arf = read_arf(folder / "arf_obs23523.fits")
    >>> arf.area.shape, f"{arf.area.max():.3g} cm2"
    ((80,), '5.3e+09 cm2')
    """
    source = locate(path)
    remarks = Remarks()
    found = find_tables(source, read_tables(source), ["SPECRESP"], "RESPONSE", ["SPECRESP"])
    table = found[0]
    if len(found) > 1:
        remarks.assume(f"{source}: {len(found)} SPECRESP extensions; the first is read")
    low, high = energies(table, "ENERG_LO", "ENERG_HI", remarks)
    with np.errstate(all="ignore"):
        area = table.numbers("SPECRESP") * scale_to("cm2", table, "SPECRESP", remarks)
    table.require_finite("SPECRESP", area)
    if np.any(area < 0):
        row = int(np.flatnonzero(area < 0)[0])
        raise table.error(f"column SPECRESP is negative in row {row + 1}: {area[row]:g} cm2")
    return AncillaryResponse(low, high, area, source, table.name, table.passenger_header(), remarks())
