"""Collections of datasets in files: a YAML file that names a FITS file for each dataset, and models in another.

The layout is gammapy's: a list of ``datasets`` with ``name``, ``type`` (the tag of the class) and ``filename``,
relative to the folder of the YAML file; an optional ``checksum`` is the MD5 sum of the text above it.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gammafold import __version__
from gammafold.datasets.core import Dataset
from gammafold.modeling.models.collection import Models
from gammafold.modeling.models.registry import known_classes
from gammafold.utils.errors import ExistingFileError, FileFormatError, InputError
from gammafold.utils.files import all_or_none, atomic_path, make_path, read_yaml
from gammafold.utils.names import name_in_file

if TYPE_CHECKING:
    from gammafold.datasets.collection import Datasets

__all__ = ["dataset_from_dict", "dataset_to_dict", "default_filename", "read_datasets", "write_datasets"]

PathLike = str | os.PathLike[str]

# The version of the layout, raised when a reader must know the difference.
_SCHEMA = 1


def dataset_to_dict(dataset: Any, filename: PathLike = "") -> dict[str, Any]:
    """Return what a YAML file says of a dataset; see `MapDataset.to_dict`."""
    return {"name": dataset.name, "type": dataset.tag, "filename": os.fspath(filename) or default_filename(dataset)}


def default_filename(dataset: Any) -> str:
    """Return a file name made of the name of a dataset, with "_" for what file names should not have.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> default_filename(SimpleNamespace(name="run 7/8"))
    'run_7_8.fits'
    """
    return re.sub(r"[^\w.+-]", "_", dataset.name, flags=re.ASCII) + ".fits"


def dataset_from_dict(cls: Any, data: Any, lazy: bool, cache: bool, checksum: bool) -> Any:
    """Read the dataset that an entry of a YAML file describes; see `MapDataset.from_dict`."""
    filename = _entry(data, "filename")
    kind = data.get("type", cls.tag)
    if kind != cls.tag:
        raise FileFormatError(f"{_label(data)} has the type {kind!r}: {cls.__name__} reads {cls.tag!r}")
    return cls.read(filename, name=name_in_file(data.get("name")), lazy=lazy, cache=cache, checksum=checksum)


def write_datasets(
    datasets: Datasets,
    filename: PathLike,
    filename_models: PathLike | None,
    overwrite: bool,
    write_covariance: bool,
    checksum: bool,
) -> None:
    """Write a collection; see `Datasets.write`."""
    target = make_path(filename)
    names = _unique_filenames(datasets)
    files = [target.parent / name for name in names]
    models = None if filename_models is None else make_path(filename_models)
    matrix = [] if models is None or not write_covariance else [models.parent / f"{models.stem}_covariance.dat"]
    everything = [target, *files, *([] if models is None else [models]), *matrix]
    _require_different(everything)
    if not overwrite:
        _require_new(everything)
    # A crash in the middle must not leave datasets of one write beside models of another.
    with all_or_none():
        for dataset, file in zip(datasets, files, strict=True):
            dataset.write(file, overwrite=overwrite, checksum=checksum)
        if models is not None:
            datasets.models.write(models, overwrite=overwrite, write_covariance=write_covariance)
        _write_list(datasets, names, target, overwrite, checksum)


def _write_list(datasets: Datasets, names: list[str], target: Path, overwrite: bool, checksum: bool) -> None:
    """Write the YAML file that lists the files of the datasets."""
    content = {
        "datasets": [dataset.to_dict(name) for dataset, name in zip(datasets, names, strict=True)],
        "metadata": {"creator": f"gammafold {__version__}", "schema": _SCHEMA},
    }
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=False, allow_unicode=True)
    if checksum:
        text += f"checksum: {hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}\n"
    with atomic_path(target, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_datasets(
    cls: type[Datasets],
    filename: PathLike,
    filename_models: PathLike | None,
    lazy: bool,
    cache: bool,
    checksum: bool,
) -> Any:
    """Read a collection; see `Datasets.read`."""
    path = make_path(filename)
    content = read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("datasets"), list):
        raise FileFormatError(f"{path}: no datasets in this file, there is no list 'datasets'")
    metadata = content.get("metadata")
    schema = metadata.get("schema", _SCHEMA) if isinstance(metadata, dict) else _SCHEMA
    if schema != _SCHEMA:
        raise FileFormatError(f"{path}: the datasets have the layout {schema!r}, this version reads {_SCHEMA}")
    if checksum:
        _verify(path)
    members = [_read_entry(path, entry, lazy, cache, checksum) for entry in content["datasets"]]
    try:
        datasets = cls(members)
    except InputError as error:
        raise FileFormatError(f"{path}: {error}") from error
    if filename_models is not None:
        datasets.models = Models.read(filename_models)
    return datasets


def _read_entry(path: Path, entry: Any, lazy: bool, cache: bool, checksum: bool) -> Any:
    """Read one dataset that a YAML file names, and name the YAML file in what goes wrong."""
    try:
        located = {**entry, "filename": _located(path, entry)} if isinstance(entry, dict) else entry
        return _class_of(located).from_dict(located, lazy=lazy, cache=cache, checksum=checksum)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {_label(entry)}: {error}") from error


def _located(path: Path, entry: Any) -> str:
    """Return the file of an entry, seen from the folder of the YAML file."""
    return str(path.parent / make_path(_entry(entry, "filename")))


def _class_of(entry: Any) -> Any:
    kind = _entry(entry, "type")
    classes = known_classes(Dataset)  # type: ignore[type-abstract]
    # A user's own subclass does not take over the tag that it inherits.
    found = {cls.tag: cls for cls in reversed(classes) if hasattr(cls, "from_dict")}
    if kind not in found:
        raise FileFormatError(f"the type is {kind!r}: expected one of {sorted(found)}")
    return found[kind]


def _entry(data: Any, key: str) -> str:
    if not isinstance(data, dict):
        raise FileFormatError(f"{data!r} is no dataset: expected name, type and filename")
    if not isinstance(data.get(key), str):
        raise FileFormatError(f"{_label(data)} has no {key!r}: there are {sorted(map(str, data))}")
    return data[key]


def _label(entry: Any) -> str:
    return f"dataset {entry['name']!r}" if isinstance(entry, dict) and "name" in entry else "a dataset"


def _verify(path: Path) -> None:
    """Raise if the text of a YAML file is not the one that its checksum belongs to."""
    text = path.read_text(encoding="utf-8")
    above, found, below = text.rpartition("checksum:")
    if not found:
        raise FileFormatError(f"{path} has no 'checksum' to verify: it was written without, or cut off")
    if hashlib.md5(above.encode(), usedforsecurity=False).hexdigest() != below.strip():
        raise FileFormatError(f"{path}: the checksum verification failed, the text was changed after it was written")


def _unique_filenames(datasets: Datasets) -> list[str]:
    """Return a file name for each dataset; names that differ in odd characters only are numbered."""
    taken: set[str] = set()
    names = []
    for dataset in datasets:
        name = base = default_filename(dataset)
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{base.removesuffix('.fits')}-{number}.fits"
        taken.add(name.lower())
        names.append(name)
    return names


def _require_different(paths: list[Path]) -> None:
    """Raise before anything is written if two files would have one name."""
    names = [str(path.absolute()).lower() for path in paths]
    twice = sorted({str(path) for path, name in zip(paths, names, strict=True) if names.count(name) > 1})
    if twice:
        raise InputError(f"two of the files to write would be called {', '.join(twice)}: choose another name")


def _require_new(paths: list[Path]) -> None:
    """Raise before anything is written if a file would be replaced."""
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise ExistingFileError(", ".join(there))
