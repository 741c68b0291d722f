"""A spectrum with its companions, checked against each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Literal

import numpy as np

from gammafold.data.ogip.arf import read_arf
from gammafold.data.ogip.companions import is_unset, resolve
from gammafold.data.ogip.model import (
    AncillaryResponse,
    EnergyBounds,
    Integers,
    Observation,
    RedistributionMatrix,
    Spectrum,
)
from gammafold.data.ogip.pha import read_background, read_pha
from gammafold.data.ogip.quantities import Remarks
from gammafold.data.ogip.rmf import add_matrices, read_rmf
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError

__all__ = ["read_ogip"]

PathLike = str | os.PathLike[str]
# An area on a grid that is off by more than this fraction of a bin belongs to another matrix.
_GRID_TOLERANCE = 0.1


def read_ogip(
    path: PathLike,
    spectrum_number: int | None = None,
    background: PathLike | Sequence[PathLike] | Literal[False] | None = None,
    arf: PathLike | Sequence[PathLike] | Literal[False] | None = None,
    rmf: PathLike | Sequence[PathLike] | Literal[False] | None = None,
    poisson: bool | None = None,
) -> Observation:
    """Read a spectrum and the files that it names.

    Companions are looked for beside the spectrum, plain or gzipped. A file that is missing costs a warning: what
    was found can be used. Files that contradict each other are an error.

    Parameters
    ----------
    path : str or path-like
        The spectrum (PHA file).
    spectrum_number : int, optional
        Which spectrum of a file of several (type II).
    background, arf, rmf : path-like or False, optional
        Files to take instead of the ones named in the spectrum; False for none. Default is what the spectrum names.
        There may be several backgrounds; and several matrices, with an area for each, such as those of the orders of
        a grating: the spectrum has the sum of their responses then.
    poisson : bool, optional
        Whether counts are Poisson distributed, as for `read_pha`.

    Returns
    -------
    observation : Observation
        Backgrounds and matrix on the channels of the spectrum.

    Raises
    ------
    FileFormatError
        If a file cannot be read, or channels or energies of two files do not match.

    Examples
    --------
    >>> from gammafold.samples import sample_files
    >>> observation = read_ogip(sample_files("crab-hess")[0])
    >>> observation.spectrum.counts.sum(), observation.background.counts.sum(), observation.background_scale()[0]
    (np.float64(189.0), np.float64(229.0), np.float64(0.08333333333333333))
    """
    spectrum = read_pha(path, spectrum_number, poisson)
    remarks = Remarks()
    remarks.extend(spectrum.notes)
    if spectrum.kind == "BKG":
        remarks.assume(f"{spectrum.path}[{spectrum.extension}]: HDUCLAS2 = BKG, this is a background")
    area: AncillaryResponse | None
    matrix: RedistributionMatrix | None
    if isinstance(rmf, Sequence) and not isinstance(rmf, str):
        area, matrix = None, _sum_of_responses(spectrum, arf, rmf, remarks)
    else:
        matrix = _matrix(spectrum, rmf, remarks)
        area = _area(spectrum, arf, matrix, remarks)
    if matrix is not None:
        spectrum, matrix = _align(spectrum, matrix, remarks)
    backgrounds = _backgrounds(spectrum, background, spectrum_number, poisson, remarks)
    return Observation(spectrum, backgrounds, area, matrix, remarks())


def _chosen(spectrum: Spectrum, given: object, named: str | None, keyword: str, remarks: Remarks) -> Path | None:
    """Return the companion to read: the given one, else the named one if it exists."""
    if given is False:
        return None
    if given is not None:
        if not isinstance(given, (str, os.PathLike)):
            raise InputTypeError(f"{keyword}: a path or False is needed, got {given!r}")
        return None if is_unset(os.fspath(given)) else Path(given)
    if named is None:
        remarks.note(f"{spectrum.path}: {keyword} names no file")
        return None
    found = resolve(named, spectrum.path)
    if found is None:
        remarks.assume(f"{spectrum.path}[{spectrum.extension}]: {keyword} = {named} not found beside it; left out")
    return found


def _matrix(spectrum: Spectrum, given: object, remarks: Remarks) -> RedistributionMatrix | None:
    """Return the redistribution matrix of a spectrum."""
    source = _chosen(spectrum, given, spectrum.response_file, "RESPFILE", remarks)
    if source is None:
        if spectrum.response_file is None and given is None:
            remarks.assume(f"{spectrum.path}[{spectrum.extension}]: no RESPFILE; the spectrum has no matrix")
        return None
    matrix = read_rmf(source)
    remarks.extend(matrix.notes)
    remarks.note(f"{matrix.path}: first channel {matrix.first_channel} ({matrix.base_source})")
    return matrix


def _sum_of_responses(
    spectrum: Spectrum, arfs: object, rmfs: Sequence[PathLike], remarks: Remarks
) -> RedistributionMatrix:
    """Return the sum of several matrices, each multiplied with its area, as one that contains the area."""
    areas: Sequence[object] = arfs if isinstance(arfs, Sequence) and not isinstance(arfs, str) else [arfs] * len(rmfs)
    if len(areas) != len(rmfs) or not rmfs:
        raise InputError(f"{spectrum.path}: {len(rmfs)} matrices and {len(areas)} areas; one area is needed for each")
    parts: list[RedistributionMatrix] = []
    for given_area, given in zip(areas, rmfs, strict=True):
        matrix = _matrix(spectrum, given, remarks)
        if matrix is None:
            raise InputError(f"{spectrum.path}: {given!r} among several matrices names no file")
        area = _area(spectrum, given_area, matrix, remarks)
        if area is not None:
            full = matrix.matrix * area.area[:, np.newaxis]
            matrix = replace(matrix, matrix=full, contains_area=True, area_source=f"multiplied with {area.path}")
        elif not matrix.contains_area:
            raise InputError(f"{matrix.path}: one of several matrices, without an effective area of its own")
        parts.append(matrix)
    remarks.note(f"{spectrum.path}: the responses of {len(rmfs)} matrices added up")
    return reduce(add_matrices, parts)


def _area(
    spectrum: Spectrum, given: object, matrix: RedistributionMatrix | None, remarks: Remarks
) -> AncillaryResponse | None:
    """Return the effective area of a spectrum, checked against the energies of its matrix."""
    source = _chosen(spectrum, given, spectrum.ancillary_file, "ANCRFILE", remarks)
    full = matrix is not None and matrix.contains_area
    if source is None:
        if spectrum.ancillary_file is None and given is None and not full:
            remarks.assume(f"{spectrum.path}[{spectrum.extension}]: no ANCRFILE; the spectrum has no effective area")
        return None
    if matrix is not None and full:
        remarks.assume(
            f"{matrix.path}[{matrix.extension}] already contains the effective area ({matrix.area_source}); "
            f"{source.name} is left out"
        )
        return None
    area = read_arf(source)
    remarks.extend(area.notes)
    if matrix is not None:
        _check_grids(area, matrix)
    return area


def _check_grids(area: AncillaryResponse, matrix: RedistributionMatrix) -> None:
    """Refuse an area and a matrix whose energies differ."""
    n_area, n_matrix = area.energy_lo.size, matrix.energy_lo.size
    if n_area != n_matrix:
        raise FileFormatError(
            f"{area.path}[{area.extension}] has {n_area} energies, {matrix.path}[{matrix.extension}] has {n_matrix}: "
            "they do not belong together"
        )
    width = matrix.energy_hi - matrix.energy_lo
    off = np.maximum(np.abs(area.energy_lo - matrix.energy_lo), np.abs(area.energy_hi - matrix.energy_hi))
    wrong = off > _GRID_TOLERANCE * width
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise FileFormatError(
            f"{area.path}[{area.extension}] and {matrix.path}[{matrix.extension}] differ in ENERG_LO or ENERG_HI, row "
            f"{row + 1}: {area.energy_lo[row]:g} to {area.energy_hi[row]:g} keV against {matrix.energy_lo[row]:g} to "
            f"{matrix.energy_hi[row]:g} keV"
        )


def _align(spectrum: Spectrum, matrix: RedistributionMatrix, remarks: Remarks) -> tuple[Spectrum, RedistributionMatrix]:
    """Return spectrum and matrix on the same channels."""
    wanted, present = spectrum.channel, matrix.ebounds.channel
    if np.array_equal(wanted, present):
        pass
    elif wanted.size == present.size and np.all(wanted - present == wanted[0] - present[0]):
        remarks.assume(
            f"{spectrum.path}[{spectrum.extension}] counts channels from {wanted[0]}, {matrix.path} from {present[0]} "
            f"({matrix.base_source}); both have {wanted.size}, so they are matched in order"
        )
        ebounds = EnergyBounds(wanted, matrix.ebounds.energy_min, matrix.ebounds.energy_max)
        matrix = replace(matrix, ebounds=ebounds, first_channel=int(wanted[0]))
    else:
        matrix = matrix.take_channels(_positions(spectrum, matrix))
        remarks.note(f"{spectrum.path}: {wanted.size} of the {present.size} channels of {matrix.path}")
    _check_bounds(spectrum, matrix)
    return replace(spectrum, ebounds=matrix.ebounds), matrix


def _positions(spectrum: Spectrum, matrix: RedistributionMatrix) -> Integers:
    """Return where the channels of a spectrum lie in a matrix."""
    position = spectrum.channel - matrix.first_channel
    if position[0] < 0 or position[-1] >= matrix.ebounds.channel.size:
        raise FileFormatError(
            f"{spectrum.path}[{spectrum.extension}]: channels {spectrum.channel[0]} to {spectrum.channel[-1]} (column "
            f"CHANNEL) do not lie in {matrix.first_channel} to {matrix.ebounds.channel[-1]}, those of {matrix.path}"
        )
    return position


def _check_bounds(spectrum: Spectrum, matrix: RedistributionMatrix) -> None:
    """Refuse a spectrum whose own energies are not those of its matrix."""
    if spectrum.ebounds is None:
        return
    ours, theirs = spectrum.ebounds, matrix.ebounds
    off = np.abs(ours.energy_min - theirs.energy_min) > _GRID_TOLERANCE * (theirs.energy_max - theirs.energy_min)
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise FileFormatError(
            f"{spectrum.path}[EBOUNDS] and {matrix.path}[EBOUNDS] differ in E_MIN, row {row + 1}: "
            f"{ours.energy_min[row]:g} keV against {theirs.energy_min[row]:g} keV"
        )


def _backgrounds(
    spectrum: Spectrum, given: object, number: int | None, poisson: bool | None, remarks: Remarks
) -> tuple[Spectrum, ...]:
    """Return the backgrounds of a spectrum, on its channels."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        wanted: list[object] = list(given)
    elif given is None and spectrum.background_files:
        wanted = [resolved for one in spectrum.background_files if (resolved := _named(spectrum, one, remarks))]
    else:
        wanted = [] if given is None else [given]
    if not wanted:
        return () if given is False else spectrum.embedded_backgrounds
    result = []
    for one in wanted:
        source = _chosen(spectrum, one, None, "BACKFILE", remarks)
        if source is not None:
            result.append(_background(spectrum, source, number, poisson, remarks))
    return tuple(result)


def _named(spectrum: Spectrum, name: str, remarks: Remarks) -> Path | None:
    """Return a background that the spectrum names, if it exists."""
    return _chosen(spectrum, None, name, "BACKFILE", remarks)


def _background(
    spectrum: Spectrum, source: Path, number: int | None, poisson: bool | None, remarks: Remarks
) -> Spectrum:
    """Read a background and bring it to the channels of the spectrum."""
    off = read_background(source, number, poisson)
    remarks.extend(off.notes)
    n_on, n_off = spectrum.channel.size, off.channel.size
    if n_on != n_off:
        raise FileFormatError(
            f"{off.path}[{off.extension}] has {n_off} channels, {spectrum.path}[{spectrum.extension}] has {n_on}"
        )
    if np.any(off.channel != spectrum.channel):
        remarks.assume(
            f"{off.path}[{off.extension}] counts channels from {off.channel[0]}, {spectrum.path} from "
            f"{spectrum.channel[0]}; they are matched in order"
        )
    # Bins of the background are those of the source, whatever its own file says.
    return replace(off, channel=spectrum.channel, ebounds=spectrum.ebounds, grouping=spectrum.grouping)
