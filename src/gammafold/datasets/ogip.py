"""From OGIP spectra to datasets; `write_onoff` goes the other way.

`gammafold.data.ogip` knows the files; here their arrays become maps on a region. A file may name the background
and the responses that belong to it; what it names and cannot be found is said, and left out.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from gammafold.data.ogip.bundle import read_ogip
from gammafold.data.ogip.grouping import group_observation
from gammafold.data.ogip.quantities import Remarks
from gammafold.datasets.ogip_write import write_onoff
from gammafold.irf.edisp_io import response_axis
from gammafold.irf.edisp_map import EDispKernelMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError

if TYPE_CHECKING:
    from gammafold.data.gti import GTI
    from gammafold.data.ogip.model import EnergyBounds, Observation, RawTable, Spectrum

__all__ = ["parts_of", "read_onoff", "write_onoff"]

Array = np.ndarray

# Keywords that describe an observation, and their columns in a dataset's table of observations.
_META = {"OBS_ID": "OBS_ID", "TELESCOP": "TELESCOP", "INSTRUME": "INSTRUME", "OBJECT": "OBJECT", "DATE-OBS": "DATE-OBS"}


def read_onoff(
    cls: type, filename: str | os.PathLike[str], name: str | None = None, group: bool = True, **kwargs: Any
) -> Any:
    """Read a spectrum with the background and the responses that it names.

    Several backgrounds are added up. Counts that are not Poisson distributed keep their errors, statistical and
    systematic ones in quadrature, and are compared by chi squared (`gammafold.datasets.statistics`).

    Parameters
    ----------
    cls : type
        `SpectrumDatasetOnOff` or a subclass.
    filename : path
        PHA file.
    name : str, optional
        Default: ``OBS_ID`` of the file, else the name of the file.
    group : bool
        Whether to put channels together as the file says (``GROUPING``), the background likewise; a bin with a bad
        channel (``QUALITY``) is not safe. Default is True.
    **kwargs
        Files to use in place of those that are named: see `gammafold.data.ogip.bundle.read_ogip`.

    Raises
    ------
    FileFormatError
        If a file cannot be read, or there is an effective area without a redistribution matrix and without
        energies of the channels.
    """
    observation = read_ogip(filename, **kwargs).ascending()
    remarks = Remarks()
    remarks.extend(observation.notes)
    if group and observation.spectrum.grouping is not None:
        n_channels = observation.spectrum.channel.size
        observation = group_observation(observation)
        remarks.note(f"{filename}: {n_channels} channels in {observation.spectrum.channel.size} bins (GROUPING)")
    dataset = cls(name=name or dataset_name(observation, Path(filename)), **parts_of(observation, remarks))
    dataset.notes = remarks()
    return dataset


def dataset_name(observation: Observation, path: Path) -> str:
    """Return the name of a dataset read from a file: the identifier of the observation, else the file's name."""
    identifier = str(observation.spectrum.header.get("OBS_ID", "")).strip()
    return identifier or path.name.split(".")[0]


def parts_of(observation: Observation, remarks: Remarks | None = None) -> dict[str, Any]:
    """Return the parts of an on-off dataset: maps of an observation, in ascending order of energy.

    What is left out is said, and kept in ``remarks``.
    """
    remarks = Remarks() if remarks is None else remarks
    spectrum = observation.spectrum
    bounds = _require_bounds(observation)
    axis = response_axis(bounds.energy_min, bounds.energy_max, "energy", str(spectrum.path))
    geom = _geom(spectrum, axis, remarks)

    def on_geom(values: Array, dtype: type = float) -> RegionNDMap:
        return RegionNDMap(geom, data=np.array(values, dtype=dtype).reshape(geom.data_shape))

    parts: dict[str, Any] = {
        "counts": on_geom(spectrum.counts),
        "mask_safe": on_geom(observation.is_good, bool),
        "gti": _gti(spectrum, remarks),
        "meta_table": _meta_table(spectrum.header),
    }
    if spectrum.mask_fit is not None:
        parts["mask_fit"] = on_geom(spectrum.mask_fit, bool)
    error = _error_of(spectrum, remarks)
    if error is not None:
        parts["counts_error"] = on_geom(error)
    parts.update({name: on_geom(values) for name, values in _background_parts(observation, remarks).items()})
    parts.update(_response_parts(observation, geom))
    return parts


def _error_of(spectrum: Spectrum, remarks: Remarks) -> Array | None:
    """Return the gaussian error of counts, or None where they are Poisson distributed."""
    if spectrum.poisson or spectrum.counts_error is None:
        if spectrum.sys_error.any():
            why = (
                "Poisson counts have no place for it (where there is STAT_ERR, poisson=False uses both in chi squared)"
                if spectrum.poisson
                else "there is no STAT_ERR beside it (set counts_error for chi squared)"
            )
            remarks.assume(
                f"{spectrum.path}[{spectrum.extension}]: SYS_ERR, up to {spectrum.sys_error.max():.3g}, is left out: "
                f"{why}"
            )
        return None
    return np.hypot(spectrum.counts_error, spectrum.sys_error * spectrum.counts)


def _background_parts(observation: Observation, remarks: Remarks) -> dict[str, Array]:
    """Return off counts, their errors and the acceptances: sums over all backgrounds that can be used."""
    spectrum = observation.spectrum
    used = []
    for off in observation.backgrounds:
        where = f"{off.path}[{off.extension}]"
        if spectrum.kind == "NET":
            remarks.assume(f"{where} is left out: the background of {spectrum.path} is already subtracted")
        elif off.exposure <= 0 and spectrum.exposure > 0:
            remarks.assume(f"{where} is left out: a background without exposure (EXPOSURE = 0) has no scale")
        else:
            used.append(off)
    if not used:
        return {}
    if len(used) > 1:
        remarks.note(f"{spectrum.path}: {len(used)} backgrounds added up")
    # The off exposure in units of the on exposure belongs to the acceptance: alpha is the whole scale.
    ratios = [off.exposure / spectrum.exposure if spectrum.exposure > 0 else 1.0 for off in used]
    scales = [off.backscal * off.areascal * ratio for off, ratio in zip(used, ratios, strict=True)]
    parts = {
        "counts_off": np.sum([off.counts for off in used], axis=0),
        "acceptance": spectrum.backscal * spectrum.areascal,
        "acceptance_off": np.sum(scales, axis=0),
    }
    errors = [_error_of(off, remarks) for off in used]
    if any(error is not None for error in errors):
        variances = [off.counts if error is None else error**2 for off, error in zip(used, errors, strict=True)]
        parts["counts_off_error"] = np.sqrt(np.sum(variances, axis=0))
    return parts


def _response_parts(observation: Observation, geom: RegionGeom) -> dict[str, Any]:
    """Return exposure and energy dispersion."""
    spectrum, rmf, arf = observation.spectrum, observation.rmf, observation.arf
    if rmf is None and arf is None:
        return {}
    if rmf is not None and rmf.contains_area and arf is None:
        arf, rmf = rmf.split_area()
    if rmf is None:
        raise FileFormatError(
            f"{spectrum.path}: there is an effective area ({arf.path if arf else ''}) but no redistribution matrix "
            "(RESPFILE): counts cannot be predicted"
        )
    # Effective areas often hold the energies with more digits than redistribution matrices do.
    energies = rmf if arf is None else arf
    low, high = energies.energy_lo, energies.energy_hi
    true = response_axis(low, high, "energy_true", str(energies.path))
    image = geom.to_image()
    exposure_geom, kernel_geom = image.to_cube([true]), image.to_cube([geom.axes["energy"], true])
    area = np.ones(len(low)) if arf is None else arf.area
    exposure = (area * spectrum.exposure).reshape(exposure_geom.data_shape)
    # A scale of the area that depends on the channel acts on what is predicted there.
    matrix = rmf.matrix * spectrum.areascal
    weights = kernel_geom.squash("energy")
    return {
        "exposure": RegionNDMap(
            exposure_geom, data=exposure, unit="cm2 s", meta={"livetime": u.Quantity(spectrum.exposure, "s")}
        ),
        "edisp": EDispKernelMap(
            RegionNDMap(kernel_geom, data=matrix.reshape(kernel_geom.data_shape)),
            RegionNDMap(weights, data=exposure.reshape(weights.data_shape), unit="cm2 s"),
        ),
    }


def _require_bounds(observation: Observation) -> EnergyBounds:
    bounds = observation.ebounds
    if bounds is None:
        what = "an effective area" if observation.arf is not None else "neither"
        raise FileFormatError(
            f"{observation.spectrum.path}: the energies of the channels are unknown: they are in the redistribution "
            f"matrix (RESPFILE) or in an EBOUNDS extension, and there is {what}"
        )
    return bounds


def _geom(spectrum: Spectrum, axis: MapAxis, remarks: Remarks) -> RegionGeom:
    if spectrum.region is None:
        return RegionGeom.create(None, axes=[axis])
    from gammafold.maps.region_geom_io import read_region

    try:
        with warnings.catch_warnings():
            # Shapes that cannot be read are skipped with a warning there, and end in an error.
            warnings.simplefilter("ignore", AstropyUserWarning)
            sky_region, wcs = read_region(_table_hdu(spectrum.region))
    except FileFormatError as error:
        remarks.assume(f"{spectrum.path}: {error}; the spectrum is left without a region")
        return RegionGeom.create(None, axes=[axis])
    return RegionGeom(sky_region, axes=[axis], wcs=wcs)


def _gti(spectrum: Spectrum, remarks: Remarks) -> GTI | None:
    if spectrum.gti is None:
        return None
    from gammafold.data.gti import GTI

    try:
        return GTI.from_table_hdu(_table_hdu(spectrum.gti))
    except FileFormatError as error:
        remarks.assume(f"{spectrum.path}: {error}; the spectrum is left without good time intervals")
        return None


def _table_hdu(raw: RawTable) -> Any:
    """Return a table that was carried along as a FITS extension."""
    from astropy.io import fits
    from astropy.table import Table

    table = Table(dict(raw.columns))
    for column, unit in raw.units.items():
        table[column].unit = unit
    hdu = fits.BinTableHDU(table, name=raw.name)
    for key, value in raw.header.items():
        if key not in hdu.header:
            hdu.header[key] = value
    return hdu


def _meta_table(header: Any) -> Any:
    known = {column: str(header[key]).strip() for key, column in _META.items() if key in header}
    # What a writer puts where it knows nothing.
    known = {column: text for column, text in known.items() if text.upper() not in {"", "UNKNOWN", "NONE"}}
    if not known:
        return None
    from astropy.table import Table

    return Table(rows=[list(known.values())], names=list(known))
