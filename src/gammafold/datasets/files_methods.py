"""Methods of datasets that read and write files; the work is done in `gammafold.datasets.files` and beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gammafold.utils.errors import InputError, InputTypeError
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["OGIP_FORMATS", "CollectionFiles", "DatasetFiles", "OnOffFiles"]

#: Formats of on-off spectra that are several OGIP files; "ogip-sherpa" is in keV and cm2.
OGIP_FORMATS = ("ogip", "ogip-sherpa")


class DatasetFiles:
    """What datasets on regions have in common as to files."""

    def to_hdulist(self) -> fits.HDUList:
        """Return the dataset as FITS extensions, without its models.

        Returns
        -------
        hdulist : `~astropy.io.fits.HDUList`
            COUNTS, COUNTS_BANDS, COUNTS_REGION, EXPOSURE, BACKGROUND, EDISP, PSF, MASK_SAFE, MASK_FIT, GTI, META_TABLE,
            each with its axes and its region; parts that are not there are left out. The live time is the keyword
            LIVETIME of EXPOSURE.

        Raises
        ------
        InputError
            If FITS has no form for a part: a region that is not a union of simple shapes, a column of objects, a name
            that is not ASCII. If a part was changed in place to what could not be read again, such as NaN.
        """
        from gammafold.datasets.files import dataset_to_hdulist

        return dataset_to_hdulist(self)  # type: ignore[arg-type]

    @classmethod
    def from_hdulist(
        cls, hdulist: fits.HDUList, name: str | None = None, lazy: bool = False, format: str = "gadf"
    ) -> Any:
        """Return a dataset from open FITS extensions.

        Parameters
        ----------
        hdulist : `~astropy.io.fits.HDUList`
            Extensions as from `to_hdulist`.
        name : str, optional
            Name of the dataset. Default: that in the primary header, else a random string of eight characters.
        lazy : bool
            Whether parts are read when they are used, from the file behind the extensions; extensions without a file
            are in memory anyway. Default: False.
        format : {"gadf"}
            Layout.

        Raises
        ------
        FileFormatError
            If an extension is missing or damaged, belongs to another class of datasets, or two contradict each other;
            the message names file and extension.
        """
        from astropy.io import fits

        from gammafold.datasets.files import dataset_from_hdulist

        if not isinstance(hdulist, fits.HDUList):
            raise InputTypeError(
                f"hdulist is a {type(hdulist).__name__}: expected an HDUList; files are read with read()"
            )
        return dataset_from_hdulist(cls, hdulist, name, lazy, format)  # type: ignore[arg-type]

    def write(
        self, filename: str | os.PathLike[str], overwrite: bool = False, checksum: bool = False, format: str = "gadf"
    ) -> None:
        """Write the dataset to a FITS file, without its models, under a temporary name that is renamed at the end.

        Parameters
        ----------
        filename : path
            The file; the suffix ``.gz`` compresses.
        overwrite : bool
            Whether to replace an existing file. Default: False.
        checksum : bool
            Whether to write checksums into the headers. Default: False.
        format : {"gadf", "ogip", "ogip-sherpa"}
            Layout: that of `to_hdulist`, or OGIP files with the background as one of the same exposure, see
            `gammafold.datasets.ogip.write_onoff`.

        Raises
        ------
        InputError
            If the file exists and ``overwrite`` is False, or as for `to_hdulist`.
        """
        if format in OGIP_FORMATS:
            from gammafold.datasets.ogip import write_onoff

            write_onoff(self, filename, overwrite=overwrite, format=format, checksum=checksum)
            return
        from gammafold.datasets.files import write_dataset

        write_dataset(self, filename, overwrite, checksum, format)  # type: ignore[arg-type]

    @classmethod
    def read(
        cls,
        filename: str | os.PathLike[str],
        name: str | None = None,
        lazy: bool = False,
        cache: bool = True,
        format: str = "gadf",
        checksum: bool = False,
    ) -> Any:
        """Read a dataset from a FITS file.

        Parameters
        ----------
        filename : path
            The file, compressed or not.
        name : str, optional
            Name of the dataset. Default: that in the file, else the name of the file.
        lazy : bool
            Whether parts are read when they are used. Axes are compared at once. Default: False.
        cache : bool
            Whether a part that was read later is kept. Without, it is read at each use, and changing it changes
            nothing. Default: True.
        format : {"gadf"}
            Layout.
        checksum : bool
            Whether to verify the checksums in the headers, of all extensions at once. Default: False.

        Raises
        ------
        FileFormatError
            If the file is missing or damaged, a checksum does not hold, an extension is missing, belongs to another
            class of datasets, or two contradict each other; the message names file and extension.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from gammafold.datasets import SpectrumDataset
        >>> from gammafold.maps import MapAxis
        >>> dataset = SpectrumDataset.create(MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3), name="crab")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     dataset.write(Path(folder) / "crab.fits.gz")
        ...     SpectrumDataset.read(Path(folder) / "crab.fits.gz")
        <SpectrumDataset 'crab': 0 counts in 3 bins>
        """
        from gammafold.datasets.files import read_dataset

        return read_dataset(cls, filename, name, lazy, cache, format, checksum)  # type: ignore[arg-type]

    def to_dict(self, filename: str | os.PathLike[str] = "") -> dict[str, Any]:
        """Return what a YAML file of datasets says of this one: ``name``, ``type`` and ``filename``.

        Parameters
        ----------
        filename : path
            The file that holds the dataset. Default: made of its name.
        """
        from gammafold.datasets.files_yaml import dataset_to_dict

        return dataset_to_dict(self, filename)

    @classmethod
    def from_dict(cls, data: dict[str, Any], lazy: bool = False, cache: bool = True, checksum: bool = False) -> Any:
        """Read the dataset that an entry of a YAML file describes.

        Parameters
        ----------
        data : dict
            ``filename``, and optionally ``name`` and ``type``, as from `to_dict`.
        lazy, cache, checksum : bool
            As for `read`.

        Raises
        ------
        FileFormatError
            If there is no ``filename``, the ``type`` is that of another class, or the file cannot be read.
        """
        from gammafold.datasets.files_yaml import dataset_from_dict

        return dataset_from_dict(cls, data, lazy, cache, checksum)


class OnOffFiles(DatasetFiles):
    """The same for on-off spectra, which OGIP files hold too."""

    # The order of the arguments is that of scripts in the field.
    def write(  # type: ignore[override]
        self,
        filename: str | os.PathLike[str],
        overwrite: bool = False,
        format: str = "gadf",
        checksum: bool = False,
    ) -> None:
        """Write the dataset, without its models, to a FITS file or to OGIP files.

        Parameters
        ----------
        filename : path
            The file; of OGIP files the one of the on counts (PHA).
        overwrite : bool
            Whether to replace existing files. Default: False.
        format : {"gadf", "ogip", "ogip-sherpa"}
            "gadf" is one file, see `DatasetFiles.to_hdulist`; OGIP writes the off counts and the responses beside the
            on counts, see `gammafold.datasets.ogip.write_onoff`. Default: "gadf".
        checksum : bool
            Whether to write checksums into the headers. Default: False.

        Raises
        ------
        InputError
            If a file exists and ``overwrite`` is False, or the format is another.
        """
        if format not in OGIP_FORMATS:
            _require_format(format)
        super().write(filename, overwrite=overwrite, checksum=checksum, format=format)

    @classmethod
    def read(
        cls,
        filename: str | os.PathLike[str],
        name: str | None = None,
        lazy: bool = False,
        cache: bool = True,
        format: str | None = None,
        checksum: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Read a dataset from a FITS file, or from an OGIP spectrum with the files that it names.

        Parameters
        ----------
        filename : path
            The file.
        name : str, optional
            Name of the dataset. Default: that in the file (``OBS_ID`` of OGIP), else the name of the file.
        lazy, cache : bool
            As for `DatasetFiles.read`; OGIP files are read at once.
        format : {"gadf", "ogip", "ogip-sherpa"}, optional
            Layout. Default: what the file holds.
        checksum : bool
            Whether to verify the checksums in the headers of the file. Default: False.
        **kwargs
            Companions of an OGIP spectrum to take instead of those it names, and whether its channels are grouped:
            see `gammafold.datasets.ogip.read_onoff`.

        Raises
        ------
        FileFormatError
            If a file is missing, damaged or contradictory; the message names file and extension.
        """
        from gammafold.datasets.files import guess_format

        if format is None:
            format = guess_format(filename)
        if format in OGIP_FORMATS:
            from gammafold.datasets.ogip import read_onoff

            if checksum:
                # Opening verifies.
                with open_fits(filename, checksum=True):
                    pass
            return read_onoff(cls, filename, name=name, **kwargs)
        _require_format(format)
        if kwargs:
            raise InputTypeError(f"{sorted(kwargs)} belong to OGIP files: {filename} is a file of the layout 'gadf'")
        return super().read(filename, name=name, lazy=lazy, cache=cache, checksum=checksum)


def _require_format(format: str) -> None:
    if format != "gadf":
        raise InputError(f"format is {format!r}: expected one of {['gadf', *OGIP_FORMATS]}")


class CollectionFiles:
    """Files of `~gammafold.datasets.collection.Datasets`: one for each member, and a list of them."""

    def write(
        self,
        filename: str | os.PathLike[str],
        filename_models: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        write_covariance: bool = True,
        checksum: bool = False,
    ) -> None:
        """Write the members to FITS files, and a list of them to a YAML file.

        Parameters
        ----------
        filename : path
            The YAML file; the FITS files go to its folder, under the names of the members.
        filename_models : path, optional
            YAML file for the models. Default: models are not written.
        overwrite : bool
            Whether to replace existing files. Default: False; nothing is written if any of them exists.
        write_covariance : bool
            Whether to write the covariance of the parameters beside the models. Default: True.
        checksum : bool
            Whether to write checksums into the FITS files and the list. Default: False.

        Raises
        ------
        InputError
            If a file exists and ``overwrite`` is False.
        """
        from gammafold.datasets.files_yaml import write_datasets

        options = (overwrite, write_covariance, checksum)
        write_datasets(self, filename, filename_models, *options)  # type: ignore[arg-type]

    @classmethod
    def read(
        cls,
        filename: str | os.PathLike[str],
        filename_models: str | os.PathLike[str] | None = None,
        lazy: bool = True,
        cache: bool = True,
        checksum: bool = False,
    ) -> Any:
        """Read datasets from a YAML file that lists them, and models from another.

        Parameters
        ----------
        filename : path
            The YAML file; files that it names are looked for from its folder.
        filename_models : path, optional
            YAML file of models, with their covariance if it names one.
        lazy : bool
            Whether the parts of the members are read when they are used. Default: True.
        cache : bool
            Whether a part that was read later is kept. Default: True.
        checksum : bool
            Whether to verify the checksums of the list and of the FITS files. Default: False.

        Raises
        ------
        FileFormatError
            If a file is missing or damaged, or an entry of the list is incomplete or of an unknown type; the message
            names the YAML file, the entry and the FITS file.
        """
        from gammafold.datasets.files_yaml import read_datasets

        return read_datasets(cls, filename, filename_models, lazy, cache, checksum)  # type: ignore[arg-type]
