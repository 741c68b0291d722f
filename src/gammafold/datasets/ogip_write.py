"""From datasets to OGIP spectra: a spectrum, its background and its responses, in four files.

The maps of a dataset become the plain arrays of `gammafold.data.ogip`, which writes them. Exposure over live time is
the effective area; acceptances are ``BACKSCAL``; bins outside ``mask_safe`` are bad (``QUALITY``).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.ogip.model import (
    AncillaryResponse,
    EnergyBounds,
    Observation,
    RawTable,
    RedistributionMatrix,
    Spectrum,
)
from gammafold.data.ogip.write import write_arf, write_background, write_pha, write_rmf
from gammafold.datasets.folding import exposure_values, kernel_values
from gammafold.utils.errors import ExistingFileError, GammafoldWarning, InputError
from gammafold.utils.files import all_or_none, make_path

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["observation_of", "ogip_filenames", "write_onoff"]

Array = np.ndarray

# Number of the first channel: gammapy counts from 0 whatever a file says, X-ray tools are used to 1.
_FIRST_CHANNEL = {"ogip": 0, "ogip-sherpa": 1}
# OGIP: channels set bad by the user.
_BAD = 5
# Keywords that a table makes itself.
_LAYOUT = ("XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "TTYPE", "TFORM", "TUNIT", "TDIM", "EXTNAME")


def write_onoff(
    dataset: Any,
    filename: str | os.PathLike[str],
    overwrite: bool = False,
    format: str = "ogip",
    checksum: bool = False,
) -> list[Path]:
    """Write a dataset as OGIP files: spectrum, background, effective area and redistribution matrix.

    For ``pha_obs1.fits`` the others are ``pha_obs1_bkg.fits``, ``pha_obs1_arf.fits`` and ``pha_obs1_rmf.fits``. Models
    are not written. Each file is complete or not there; the spectrum, which names the others, comes last.

    Parameters
    ----------
    dataset : SpectrumDatasetOnOff or SpectrumDataset
        What to write. The known background of the latter becomes a background file of the same exposure.
    filename : path
        The spectrum.
    overwrite : bool
        Whether to replace existing files. Default is False: then no file is written if one is there.
    format : {"ogip", "ogip-sherpa"}
        Channels from 0, as gammapy reads them, or from 1, as X-ray tools do. Energies are in keV and areas in cm2.
    checksum : bool
        Whether to write ``CHECKSUM`` and ``DATASUM``. Default is False.

    Returns
    -------
    paths : list of `~pathlib.Path`
        The files that were written.

    Raises
    ------
    InputError
        If a file exists and ``overwrite`` is False, the dataset has no counts, or the format is unknown.

    Examples
    --------
    >>> import tempfile
    >>> from gammafold.datasets import SpectrumDatasetOnOff
    >>> from gammafold.samples import sample_files
    >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = write_onoff(dataset, Path(folder) / "pha_obs23523.fits")
    ...     again = SpectrumDatasetOnOff.read(paths[-1])
    >>> [path.name for path in paths]
    ['pha_obs23523_arf.fits', 'pha_obs23523_rmf.fits', 'pha_obs23523_bkg.fits', 'pha_obs23523.fits']
    >>> again.info_dict()["counts"]
    124.0
    """
    if format not in _FIRST_CHANNEL:
        raise InputError(f"format is {format!r}: expected one of {list(_FIRST_CHANNEL)}")
    dataset.check_parts()
    observation = observation_of(dataset, _FIRST_CHANNEL[format])
    names = ogip_filenames(filename)
    background = observation.background
    chosen = {
        "arf": observation.arf is not None,
        "rmf": observation.rmf is not None,
        "bkg": background is not None,
        "pha": True,
    }
    paths = {kind: names[kind] for kind, is_there in chosen.items() if is_there}
    existing = [str(path) for path in paths.values() if path.exists()]
    if existing and not overwrite:
        raise ExistingFileError(", ".join(existing))
    # A crash in the middle must not leave a spectrum beside the background or the response of another.
    with all_or_none():
        if observation.arf is not None:
            write_arf(observation.arf, paths["arf"], overwrite, checksum)
        if observation.rmf is not None:
            write_rmf(observation.rmf, paths["rmf"], overwrite, checksum)
        if background is not None:
            write_background(background, paths["bkg"], overwrite, checksum)
        bkg, rmf, arf = (paths[kind].name if kind in paths else None for kind in ("bkg", "rmf", "arf"))
        write_pha(observation.spectrum, paths["pha"], overwrite, bkg, rmf, arf, checksum)
    return list(paths.values())


def ogip_filenames(filename: str | os.PathLike[str]) -> dict[str, Path]:
    """Return the names of the four files of a dataset: "pha", "bkg", "arf" and "rmf".

    Examples
    --------
    >>> {kind: path.name for kind, path in ogip_filenames("pha_obs1.fits.gz").items()}
    {'pha': 'pha_obs1.fits.gz', 'bkg': 'pha_obs1_bkg.fits.gz', 'arf': 'pha_obs1_arf.fits.gz', \
'rmf': 'pha_obs1_rmf.fits.gz'}
    """
    path = make_path(filename)
    zipped = ".gz" if path.suffix == ".gz" else ""
    plain = path.with_suffix("") if zipped else path
    names = {kind: path.with_name(f"{plain.stem}_{kind}{plain.suffix}{zipped}") for kind in ("bkg", "arf", "rmf")}
    return {"pha": path, **names}


def observation_of(dataset: Any, first_channel: int = 0) -> Observation:
    """Return a dataset as plain arrays.

    Parameters
    ----------
    dataset : SpectrumDatasetOnOff or SpectrumDataset
        With counts.
    first_channel : int
        Label of the first channel. Default is 0.

    Raises
    ------
    InputError
        If there are no counts.
    """
    if dataset.counts is None:
        raise InputError(f"dataset {dataset.name!r} has no counts: there is no spectrum to write")
    seconds = _livetime(dataset)
    edges = dataset.reco_energy_axis.edges.to_value("keV")
    channel = np.arange(first_channel, first_channel + len(edges) - 1, dtype=np.int64)
    bounds = EnergyBounds(channel, edges[:-1], edges[1:])
    on = _spectrum(dataset, bounds, seconds)
    off = _background(dataset, on)
    arf, rmf = _responses(dataset, bounds, seconds, on.header)
    return Observation(on, () if off is None else (off,), arf, rmf)


def _livetime(dataset: Any) -> float:
    """Return the exposure in s that counts and area are to be divided by."""
    meta = {} if dataset.exposure is None else dataset.exposure.meta or {}
    if meta.get("livetime") is not None:
        seconds = float(u.Quantity(meta["livetime"], "s").to_value("s"))
        if np.isfinite(seconds) and seconds > 0:
            return seconds
    if dataset.exposure is not None and dataset.exposure.data.any():
        warnings.warn(
            f"dataset {dataset.name!r} has no live time: EXPOSURE = 1 s is written, and area times time as area",
            GammafoldWarning,
            stacklevel=4,
        )
        return 1.0
    return 0.0


def _spectrum(dataset: Any, bounds: EnergyBounds, seconds: float) -> Spectrum:
    """Return the counts of the on region."""
    n = bounds.channel.size
    ones = np.ones(n)
    acceptance = getattr(dataset, "acceptance", None)
    return Spectrum(
        channel=bounds.channel,
        counts=_values(dataset.counts),
        exposure=seconds,
        poisson=dataset.counts_error is None,
        counts_error=None if dataset.counts_error is None else _values(dataset.counts_error),
        sys_error=np.zeros(n),
        quality=np.where(dataset.safe_bins(), 0, _BAD).astype(np.int16),
        grouping=None,
        backscal=ones if acceptance is None else _values(acceptance),
        areascal=ones,
        mask_fit=None if dataset.mask_fit is None else dataset.mask_fit.data.reshape(-1).copy(),
        ebounds=bounds,
        gti=None if dataset.gti is None else _raw_table(dataset.gti.to_table_hdu()),
        region=_region(dataset),
        detchans=n,
        header=_header(dataset),
    )


def _background(dataset: Any, on: Spectrum) -> Spectrum | None:
    """Return the off counts, or the known background as the counts of an off region like the on region."""
    is_measured = hasattr(dataset, "counts_off")
    counts = dataset.counts_off if is_measured else dataset.npred_background()
    if counts is None:
        return None
    acceptance = dataset.acceptance_off if is_measured else None
    error = dataset.counts_off_error if is_measured else None
    n = on.channel.size
    return Spectrum(
        channel=on.channel,
        counts=_values(counts),
        exposure=on.exposure,
        poisson=error is None,
        counts_error=None if error is None else _values(error),
        sys_error=np.zeros(n),
        quality=np.zeros(n, np.int16),
        grouping=None,
        backscal=np.ones(n) if acceptance is None else _values(acceptance),
        areascal=np.ones(n),
        ebounds=on.ebounds,
        kind="BKG",
        detchans=n,
        header=on.header,
    )


def _responses(
    dataset: Any, bounds: EnergyBounds, seconds: float, header: Mapping[str, Any]
) -> tuple[AncillaryResponse | None, RedistributionMatrix | None]:
    """Return effective area and redistribution."""
    if dataset.exposure is None:
        return None, None
    edges = dataset.exposure.geom.axes["energy_true"].edges.to_value("keV")
    area = exposure_values(dataset) / (seconds or 1.0)
    thresholds: dict[str, Any] = {}
    safe = dataset.energy_range.to_value("TeV")
    if np.isfinite(safe).all():
        thresholds = {"LO_THRES": float(safe[0]), "HI_THRES": float(safe[1])}
    arf = AncillaryResponse(edges[:-1], edges[1:], area, header={**header, **thresholds})
    matrix = np.ascontiguousarray(kernel_values(dataset), dtype=float)
    rmf = RedistributionMatrix(edges[:-1], edges[1:], matrix, bounds, int(bounds.channel[0]), header=header)
    return arf, rmf


def _values(region_map: Any) -> Array:
    return np.array(region_map.data, dtype=float).reshape(-1)


def _header(dataset: Any) -> dict[str, Any]:
    """Return the keywords that describe the observation: those that all rows of the table of observations share."""
    header: dict[str, Any] = {"OBS_ID": dataset.name}
    table = dataset.meta_table
    if table is None or len(table) == 0:
        return header
    for name in table.colnames:
        value = table[name][0]
        if len(name) <= 8 and name.isupper() and np.ndim(value) == 0 and np.all(table[name] == value):
            header[name] = value.item() if hasattr(value, "item") else value
    return header


def _region(dataset: Any) -> RawTable | None:
    """Return the region as a table, or None where there is none, or none that FITS can hold."""
    geom = dataset.geom
    if geom.region is None:
        return None
    from gammafold.maps.region_geom_io import region_to_hdu

    return _raw_table(region_to_hdu(geom, "REGION"))


def _raw_table(hdu: fits.BinTableHDU) -> RawTable:
    """Return an extension as a table that is carried along."""
    names = hdu.columns.names
    return RawTable(
        hdu.name,
        {name: np.asarray(hdu.data[name]).astype(hdu.data[name].dtype.newbyteorder("=")) for name in names},
        {name: unit for name, unit in zip(names, hdu.columns.units, strict=True) if unit},
        {card.keyword: card.value for card in hdu.header.cards if not card.keyword.startswith(_LAYOUT)},
    )
