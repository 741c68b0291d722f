"""Spectra in any of the forms of their files, read, and written in another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammafold.utils.errors import InputError
from gammafold.utils.files import make_path, read_yaml
from gammafold.utils.fitsfiles import is_fits, open_fits

if TYPE_CHECKING:
    from gammafold.datasets import Datasets

__all__ = ["file_format", "read_spectrum_file", "write_spectra"]

LIST_ENDINGS = (".yaml", ".yml")
# Layouts that spectra are written in.
FORMATS = ("gadf", "ogip", "ogip-sherpa")


def file_format(filename: str | os.PathLike[str]) -> str:
    """Return the layout of a file of spectra.

    Returns
    -------
    layout : {"list", "gadf", "ogip"}
        A YAML list of datasets, a FITS file that holds a dataset, or else an OGIP spectrum.

    Examples
    --------
    >>> from gammafold.samples import sample_files
    >>> file_format(sample_files("crab-hess")[0])
    'ogip'
    """
    path = make_path(filename)
    if path.suffix in LIST_ENDINGS:
        return "list"
    return "gadf" if _extensions(path) & {"COUNTS", "COUNTS_OFF", "BACKGROUND", "MASK_SAFE"} else "ogip"


def _extensions(path: Path) -> set[str]:
    if not path.is_file() or not is_fits(path):
        return set()  # the reader of OGIP files looks for a compressed one, and says what is wrong
    with open_fits(path) as hdulist:
        return {hdu.name.upper() for hdu in hdulist}


def read_spectrum_file(filename: str | os.PathLike[str], group: bool = True) -> list[Any]:
    """Return the datasets in a file: one, or those that a YAML list names.

    Parameters
    ----------
    filename : path
        PHA file, FITS file of a dataset, or YAML list of datasets.
    group : bool
        Whether channels of a PHA file are put together as its flags GROUPING say. Default: True.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    """
    from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff

    layout = file_format(filename)
    if layout == "list":
        return list(Datasets.read(filename, lazy=False))
    if layout == "gadf" and "COUNTS_OFF" not in _extensions(make_path(filename)):
        return [SpectrumDataset.read(filename)]
    if layout == "gadf":
        return [SpectrumDatasetOnOff.read(filename)]
    return [SpectrumDatasetOnOff.read(filename, group=group)]


def write_spectra(datasets: Datasets, layout: str, folder: Path, overwrite: bool) -> list[Path]:
    """Write datasets into a folder, and return the paths.

    Parameters
    ----------
    datasets : Datasets
        What to write.
    layout : {"gadf", "ogip", "ogip-sherpa"}
        "gadf": a FITS file for each, and the list ``datasets.yaml``; else OGIP files ``pha_NAME.fits`` with their
        companions.
    folder : Path
        Where.
    overwrite : bool
        Whether to replace existing files.

    Raises
    ------
    InputError
        If there is no such layout, or a file exists and ``overwrite`` is False.
    """
    from gammafold.datasets.files_yaml import default_filename
    from gammafold.datasets.ogip_write import write_onoff

    if layout not in FORMATS:
        raise InputError(f"no layout {layout!r} of spectra: there are {list(FORMATS)}")
    if layout == "gadf":
        listed = folder / "datasets.yaml"
        datasets.write(listed, overwrite=overwrite)
        return [*(folder / entry["filename"] for entry in read_yaml(listed)["datasets"]), listed]
    written = []
    for dataset in datasets:
        path = folder / f"pha_{default_filename(dataset)}"
        written += write_onoff(dataset, path, overwrite=overwrite, format=layout)
    return written
