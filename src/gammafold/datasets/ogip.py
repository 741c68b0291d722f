"""From OGIP spectra to datasets; `write_onoff` goes the other way.

`gammafold.data.ogip` knows the files; here their arrays become maps on a region. A file may name the background
and the responses that belong to it; what it names and cannot be found is said, and left out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.ogip.bundle import read_ogip
from gammafold.datasets.ogip_write import write_onoff
from gammafold.irf.edisp_io import response_axis
from gammafold.irf.edisp_map import EDispKernelMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError

if TYPE_CHECKING:
    from gammafold.data.gti import GTI
    from gammafold.data.ogip.model import EnergyBounds, Observation, RawTable

__all__ = ["parts_of", "read_onoff", "write_onoff"]

Array = np.ndarray

# Keywords that describe an observation, and their columns in a dataset's table of observations.
_META = {"OBS_ID": "OBS_ID", "TELESCOP": "TELESCOP", "INSTRUME": "INSTRUME", "OBJECT": "OBJECT", "DATE-OBS": "DATE-OBS"}


def read_onoff(cls: type, filename: str | os.PathLike[str], name: str | None = None, **kwargs: Any) -> Any:
    """Read a spectrum with the background and the responses that it names.

    Parameters
    ----------
    cls : type
        `SpectrumDatasetOnOff` or a subclass.
    filename : path
        PHA file.
    name : str, optional
        Default: ``OBS_ID`` of the file, else the name of the file.
    **kwargs
        Files to use in place of those that are named: see `gammafold.data.ogip.bundle.read_ogip`.

    Raises
    ------
    FileFormatError
        If a file cannot be read, or there is an effective area without a redistribution matrix and without
        energies of the channels.
    """
    observation = read_ogip(filename, **kwargs).ascending()
    return cls(name=name or dataset_name(observation, Path(filename)), **parts_of(observation))


def dataset_name(observation: Observation, path: Path) -> str:
    """Return the name of a dataset read from a file: the identifier of the observation, else the file's name."""
    identifier = str(observation.spectrum.header.get("OBS_ID", "")).strip()
    return identifier or path.name.split(".")[0]


def parts_of(observation: Observation) -> dict[str, Any]:
    """Return the parts of an on-off dataset: maps of an observation, in ascending order of energy."""
    spectrum = observation.spectrum
    bounds = _require_bounds(observation)
    axis = response_axis(bounds.energy_min, bounds.energy_max, "energy", str(spectrum.path))
    geom = _geom(spectrum.region, axis)

    def on_geom(values: Array, dtype: type = float) -> RegionNDMap:
        return RegionNDMap(geom, data=np.array(values, dtype=dtype).reshape(geom.data_shape))

    parts: dict[str, Any] = {
        "counts": on_geom(spectrum.counts),
        "mask_safe": on_geom(observation.is_good, bool),
        "gti": _gti(spectrum.gti),
        "meta_table": _meta_table(spectrum.header),
    }
    if spectrum.mask_fit is not None:
        parts["mask_fit"] = on_geom(spectrum.mask_fit, bool)
    background = observation.background
    if background is not None:
        parts["counts_off"] = on_geom(background.counts)
        parts["acceptance"] = on_geom(spectrum.backscal * spectrum.areascal)
        # The off exposure in units of the on exposure belongs to the acceptance: alpha is the whole scale.
        time_ratio = background.exposure / spectrum.exposure if spectrum.exposure > 0 else 1.0
        parts["acceptance_off"] = on_geom(background.backscal * background.areascal * time_ratio)
    parts.update(_response_parts(observation, geom))
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


def _geom(region: RawTable | None, axis: MapAxis) -> RegionGeom:
    if region is None:
        return RegionGeom.create(None, axes=[axis])
    from gammafold.maps.region_geom_io import read_region

    sky_region, wcs = read_region(_table_hdu(region))
    return RegionGeom(sky_region, axes=[axis], wcs=wcs)


def _gti(raw: RawTable | None) -> GTI | None:
    if raw is None:
        return None
    from gammafold.data.gti import GTI

    return GTI.from_table_hdu(_table_hdu(raw))


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
