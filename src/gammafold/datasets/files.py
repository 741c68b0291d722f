"""Datasets in FITS files, in gammapy's layout, read at once or part by part when they are used.

The primary header has the name of the dataset. The extensions are COUNTS, EXPOSURE, BACKGROUND, EDISP, PSF, MASK_SAFE,
MASK_FIT, GTI, META_TABLE, and for an on-off dataset COUNTS_OFF, ACCEPTANCE and ACCEPTANCE_OFF; beside each map stand
its axes and its region (see `gammafold.datasets.files_parts`). Parts that a dataset does not have are left out. The
live time, which the layout has no place for, is the keyword LIVETIME of EXPOSURE.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammafold import __version__
from gammafold.datasets.checks import same_axis
from gammafold.datasets.files_parts import PARTS, PartReader, extension, part_to_hdus
from gammafold.datasets.slots import LazyPart
from gammafold.utils.errors import FileFormatError, GammafoldWarning, InputError
from gammafold.utils.files import atomic_path, make_path
from gammafold.utils.fitsfiles import open_fits
from gammafold.utils.names import make_name, name_in_file

if TYPE_CHECKING:
    from astropy.io import fits

    from gammafold.datasets.map_dataset import MapDataset

__all__ = ["dataset_from_hdulist", "dataset_to_hdulist", "guess_format", "read_dataset", "write_dataset"]

PathLike = str | os.PathLike[str]

# The version of our additions to the layout, raised when a reader must know the difference.
_SCHEMA = 1
# The statistic of a dataset where it was set, in the primary header.
_STATISTIC = "STATTYPE"
# Parts that some classes have and others lack: a file with a part that the class lacks belongs to another class.
_OF_SOME_CLASSES = {
    "background": "SpectrumDataset",
    "counts_off": "SpectrumDatasetOnOff",
    "acceptance": "SpectrumDatasetOnOff",
    "acceptance_off": "SpectrumDatasetOnOff",
    "counts_off_error": "SpectrumDatasetOnOff",
}
_MAPS = tuple(part for part in PARTS if part not in ("gti", "meta_table"))


def parts_of_class(cls: type[MapDataset]) -> list[str]:
    """Return the parts that datasets of a class keep in files, in the order of the extensions."""
    return [part for part in PARTS if part not in _OF_SOME_CLASSES or part in cls.reco_parts]


# -- writing


def dataset_to_hdulist(dataset: MapDataset) -> fits.HDUList:
    """Return the FITS extensions of a dataset; see `MapDataset.to_hdulist`."""
    from astropy.io import fits

    # What became NaN in place could be written, and never be read again.
    dataset.check_parts()
    hdulist = fits.HDUList([fits.PrimaryHDU()])
    header = hdulist[0].header
    try:
        header["NAME"] = (dataset.name, "name of the dataset")
    except ValueError as error:
        raise InputError(
            f"the name of dataset {dataset.name!r} cannot stand in a FITS header: expected printable ASCII characters"
        ) from error
    header["CREATOR"] = f"gammafold {__version__}"
    header["SCHEMA"] = (_SCHEMA, "version of the layout")
    if dataset.chosen_stat_type is not None:
        header[_STATISTIC] = (dataset.chosen_stat_type, "statistic that was set")
    for part in parts_of_class(type(dataset)):
        value = getattr(dataset, part)
        if value is not None:
            hdulist.extend(part_to_hdus(part, value))
    # A file that was cut off between two extensions looks complete but for their number.
    header["NEXTEND"] = (len(hdulist) - 1, "number of extensions")
    return hdulist


def write_dataset(dataset: MapDataset, filename: PathLike, overwrite: bool, checksum: bool, format: str) -> None:
    """Write a dataset to a FITS file; see `MapDataset.write`."""
    _require_format(format)
    hdulist = dataset_to_hdulist(dataset)
    with atomic_path(filename, overwrite=overwrite) as temporary:
        hdulist.writeto(temporary, overwrite=True, checksum=checksum)


# -- reading


def read_dataset(
    cls: type[MapDataset],
    filename: PathLike,
    name: str | None,
    lazy: bool,
    cache: bool,
    format: str,
    checksum: bool,
) -> Any:
    """Read a dataset from a FITS file; see `MapDataset.read`."""
    _require_format(format)
    with open_fits(filename, checksum) as hdulist:
        if checksum and not any("DATASUM" in hdu.header for hdu in hdulist):
            warnings.warn(f"{filename} has no checksums: nothing was verified", GammafoldWarning, stacklevel=3)
        path = make_path(filename)
        fallback = path.name.split(".")[0]
        return _from_hdulist(cls, hdulist, name, str(path), path if lazy else None, cache, fallback)


def dataset_from_hdulist(
    cls: type[MapDataset], hdulist: fits.HDUList, name: str | None, lazy: bool, format: str
) -> Any:
    """Return a dataset from open FITS extensions; see `MapDataset.from_hdulist`."""
    _require_format(format)
    file = hdulist.filename()
    where = file or "the HDU list"
    return _from_hdulist(cls, hdulist, name, where, Path(file) if lazy and file else None, True, None)


def guess_format(filename: PathLike) -> str:
    """Return "gadf" if a file has the extensions of a dataset, else "ogip"; a file that is missing is left to OGIP.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    """
    if not make_path(filename).exists():
        # The reader of OGIP files looks for a compressed one.
        return "ogip"
    with open_fits(filename) as hdulist:
        return "gadf" if any(_has_part(hdulist, part) for part in PARTS if part != "gti") else "ogip"


class FilePart:
    """Reads one part of a dataset from a file, each time it is called.

    Parameters
    ----------
    path : Path
        The file.
    part : str
        The part.
    reader : PartReader
        Shared with the other parts of the dataset.
    """

    def __init__(self, path: Path, part: str, reader: PartReader) -> None:
        self.path = path.absolute()
        self.part = part
        self.reader = reader
        self._state = self._file_state()

    def _file_state(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_size, stat.st_mtime_ns

    def available(self) -> bool:
        """Whether the file is as it was when the dataset was opened."""
        return self._state is not None and self._file_state() == self._state

    def __call__(self) -> Any:
        with open_fits(self.path) as hdulist:
            if not self.available():
                raise FileFormatError(
                    f"{self.path} was changed since the dataset was opened: read the dataset again "
                    f"(extension {self.part.upper()!r} was still to be read)"
                )
            return self.reader.read(hdulist, self.part)


def _from_hdulist(
    cls: type[MapDataset],
    hdulist: fits.HDUList,
    name: str | None,
    where: str,
    lazy_path: Path | None,
    cache: bool,
    fallback: str | None,
) -> Any:
    """Return a dataset whose parts are read now, or later from ``lazy_path``."""
    with extension(where, "PRIMARY"):
        header = dict(hdulist[0].header)
    _check_layout(cls, hdulist, where)
    name = make_name(name or name_in_file(header.get("NAME")) or fallback)
    present = [part for part in parts_of_class(cls) if _has_part(hdulist, part)]
    reader = PartReader(where)
    _check_axes(reader, hdulist, [part for part in present if part in _MAPS])
    _check_version(header, len(hdulist) - 1, where)
    dataset = cls(name=name)
    # Errors first: counts that have them may be negative.
    for part in sorted(present, key=lambda part: not part.endswith("_error")):
        if lazy_path is not None:
            load = FilePart(lazy_path, part, reader)
            source = f"{lazy_path}, extension {part.upper()!r}"
            setattr(dataset, part, LazyPart(load, source, cache, load.available))
            continue
        value = reader.read(hdulist, part)
        with extension(where, part.upper()):
            setattr(dataset, part, value)
    with extension(where, "PRIMARY"):
        dataset.stat_type = hdulist[0].header.get(_STATISTIC)
    return dataset


def _has_part(hdulist: fits.HDUList, part: str) -> bool:
    return part.upper() in hdulist


def _check_layout(cls: type[MapDataset], hdulist: fits.HDUList, where: str) -> None:
    """Raise unless the extensions are those of a dataset of this class."""
    known = [part for part in PARTS if _has_part(hdulist, part)]
    if not [part for part in known if part not in ("gti", "meta_table")]:
        names = [hdu.name for hdu in hdulist]
        hint = "; this looks like an OGIP file, which SpectrumDatasetOnOff.read reads" if _is_ogip(hdulist) else ""
        raise FileFormatError(f"{where} holds no dataset: expected an extension 'COUNTS', there are {names}{hint}")
    strange = [part for part in known if part not in parts_of_class(cls)]
    if strange:
        raise FileFormatError(
            f"{where} has an extension {strange[0].upper()!r}, which a {cls.tag} does not have: "
            f"read it with {_OF_SOME_CLASSES[strange[0]]}.read"
        )


def _check_version(header: dict[str, Any], number: int, where: str) -> None:
    """Raise if a file of ours has a layout of a later version, or fewer extensions than were written."""
    if not str(header.get("CREATOR", "")).startswith("gammafold"):
        return
    schema, written = header.get("SCHEMA", _SCHEMA), header.get("NEXTEND", number)
    if schema != _SCHEMA:
        raise FileFormatError(f"{where} has the layout SCHEMA = {schema}: this version reads {_SCHEMA}")
    if not isinstance(written, int) or number < written:
        raise FileFormatError(
            f"{where} has {number} extensions where NEXTEND = {written}: it was cut off, or extensions were taken out"
        )


def _is_ogip(hdulist: fits.HDUList) -> bool:
    return any(hdu.name == "SPECTRUM" or hdu.header.get("HDUCLASS") == "OGIP" for hdu in hdulist)


def _check_axes(reader: PartReader, hdulist: fits.HDUList, parts: list[str]) -> None:
    """Raise if two maps contradict each other about their energies, also where they are not read yet."""
    seen: dict[str, tuple[str, Any]] = {}
    for part in parts:
        name = part.upper()
        for axis in reader.axes(hdulist, name):
            if axis.name not in ("energy", "energy_true"):
                continue
            first, expected = seen.setdefault(axis.name, (name, axis))
            if not same_axis(axis, expected):
                raise FileFormatError(
                    f"{reader.where}, extension '{name}_BANDS': {axis.nbin} bins of {axis.name} from "
                    f"{axis.edges[0]:.6g} to {axis.edges[-1]:.6g} contradict the {expected.nbin} bins from "
                    f"{expected.edges[0]:.6g} to {expected.edges[-1]:.6g} of extension '{first}_BANDS'"
                )


def _require_format(format: str) -> None:
    if format != "gadf":
        raise InputError(f"format is {format!r}: expected 'gadf'")
