"""Spectra in any of the forms of their files, read, and written in another."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.utils.errors import GammafoldWarning, InputError
from gammafold.utils.files import bare_name, make_path, read_yaml
from gammafold.utils.fitsfiles import is_fits, open_fits

if TYPE_CHECKING:
    from gammafold.datasets import Datasets

__all__ = ["file_format", "read_spectrum_file", "read_spectrum_files", "write_spectra"]

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
    with warnings.catch_warnings():
        # The file is read again by the reader of its layout, which has its own words for what is wrong.
        warnings.simplefilter("ignore")
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


def read_spectrum_files(filenames: Iterable[str | os.PathLike[str]], group: bool = True) -> Datasets:
    """Return the datasets in several files, see `read_spectrum_file`, each with a name of its own.

    Spectra of several instruments may all have the name of the observation: they get those of their files.

    Raises
    ------
    FileFormatError
        If a file cannot be read.
    InputError
        If two files hold the same data, as a spectrum and a grouped copy of it do, or have the same name too.
    """
    from gammafold.datasets import Datasets

    read = [(make_path(path), one) for path in filenames for one in read_spectrum_file(path, group)]
    together: dict[str, list[int]] = {}
    for index, (_, dataset) in enumerate(read):
        together.setdefault(dataset.name, []).append(index)
    shared = {name: indices for name, indices in together.items() if len(indices) > 1}
    for name, indices in shared.items():
        _require_different(name, [read[index] for index in indices])
        for index in indices:
            path, dataset = read[index]
            read[index] = path, dataset.copy(name=bare_name(path))
    names = [dataset.name for _, dataset in read]
    for name in names:
        if names.count(name) > 1:
            files = ", ".join(str(path) for path, dataset in read if dataset.name == name)
            raise InputError(f"several datasets are called {name!r}: {files}")
    if shared:
        warnings.warn(
            f"several spectra are called {', '.join(shared)}: they are given the names of their files",
            GammafoldWarning,
            stacklevel=2,
        )
    return Datasets([dataset for _, dataset in read])


def _require_different(name: str, read: list[tuple[Path, Any]]) -> None:
    """Raise if spectra of one name hold the same counts, whatever their bins: nothing is to be used twice."""
    seen: dict[tuple[float, float], Path] = {}
    for path, dataset in read:
        if not hasattr(dataset, "counts"):
            continue
        key = float(dataset.counts.data.sum()), float(dataset.exposure.data.sum() if dataset.exposure else np.nan)
        if key in seen:
            raise InputError(f"{seen[key]} and {path} hold the same counts of {name!r}: give one of them")
        seen[key] = path


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
