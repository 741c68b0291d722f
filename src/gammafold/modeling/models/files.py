"""Models in YAML files, with the covariance in a text file beside them.

The layout is the field's: a list of ``components`` with the parts of each, parameters that are as declared written
without what is understood, linked parameters marked by a common ``link`` label.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold import __version__
from gammafold.modeling.links import labelled
from gammafold.modeling.models.core import NamedModel, import_path, relink, walk
from gammafold.modeling.models.parameter_files import tell_unknown_keys
from gammafold.modeling.models.registry import find_class
from gammafold.utils.errors import FileFormatError, GammafoldError, MissingPackageError
from gammafold.utils.files import all_or_none, atomic_path, make_path, read_yaml, write_yaml

if TYPE_CHECKING:
    from gammafold.modeling.models.collection import DatasetModels

__all__ = [
    "folder_of",
    "models_from_dict",
    "models_to_dict",
    "read_content",
    "read_covariance_of",
    "write_models",
]

# The version of the layout, raised when a reader must know the difference.
_SCHEMA = 1
# What the entry of a model may hold.
_KEYS = ("name", "type", "datasets_names", "spectral", "spatial", "temporal", "apply_irf", "parameters")


def models_to_dict(models: DatasetModels, full_output: bool) -> dict[str, Any]:
    """Return the components of a collection, and who wrote them."""
    with labelled((parameter, model.name) for model in models for parameter in model.parameters):
        components = [model.to_dict(full_output) for model in models]
    return {"components": components, "metadata": {"creator": f"gammafold {__version__}", "schema": _SCHEMA}}


def models_from_dict(data: Any, path: str | os.PathLike[str] = "") -> list[NamedModel]:
    """Return the models of a file's content, with linked parameters made one.

    Raises
    ------
    FileFormatError
        If there are no components, or one cannot be read.
    """
    if not isinstance(data, dict) or not isinstance(data.get("components"), list):
        raise FileFormatError("these are no models: there is no list of components")
    metadata = data.get("metadata")
    schema = metadata.get("schema", _SCHEMA) if isinstance(metadata, dict) else _SCHEMA
    if not isinstance(schema, int) or schema > _SCHEMA:
        raise FileFormatError(f"the models have the layout {schema}: this version reads up to {_SCHEMA}")
    folder = Path(make_path(path))
    models = [_model_from_dict(content, i, folder) for i, content in enumerate(data["components"])]
    relink(models)
    return models


def _model_from_dict(content: Any, position: int, folder: Path) -> NamedModel:
    """Return the model of an entry; errors say which one it is."""
    try:
        model = find_class(content, NamedModel).from_content(_resolved(content, folder))
    except MissingPackageError:
        raise
    except GammafoldError as error:
        raise FileFormatError(f"{_label(content, position)}: {error}") from error
    if import_path(type(model)) is None:
        # What a class of a user reads is its own affair.
        tell_unknown_keys(content, _KEYS, _label(content, position))
    return model


def _label(content: Any, position: int) -> str:
    name = content.get("name") if isinstance(content, dict) else None
    return f"component {position}" if name is None else f"model {name!r}"


def read_covariance_of(models: DatasetModels, data: dict[str, Any], path: str | os.PathLike[str] = "") -> None:
    """Give models the covariance that is in, or named by, a file's content.

    Raises
    ------
    FileFormatError
        If the matrix does not belong to these models.
    """
    covariance = data.get("covariance")
    if covariance is None or isinstance(covariance, list):
        return
    file = make_path(path) / str(covariance)
    names, matrix = _read_matrix(file)
    own = models.parameters_unique_names
    if names != [name.strip() for name in own]:
        strange = [name for name in names if name not in own] or names
        raise FileFormatError(f"{file}: a covariance of {strange[:3]}..., which are no parameters of the models {own}")
    models.covariance = matrix


def write_models(
    models: DatasetModels,
    path: str | os.PathLike[str],
    overwrite: bool,
    full_output: bool,
    overwrite_templates: bool,
    write_covariance: bool,
) -> None:
    """Write models, their covariance, and the files of their templates; the arguments are those of `Models.write`."""
    with all_or_none():
        _write_all(models, make_path(path), overwrite, full_output, overwrite_templates, write_covariance)


def _write_all(
    models: DatasetModels,
    target: Path,
    overwrite: bool,
    full_output: bool,
    overwrite_templates: bool,
    write_covariance: bool,
) -> None:
    content = models_to_dict(models, full_output)
    if write_covariance and len(models.parameters):
        # The matrix comes first: a file of models never names one that is not there.
        name = f"{target.stem}_covariance.dat"
        _write_matrix(models, target.parent / name, overwrite)
        content = {"components": content["components"], "covariance": name, "metadata": content["metadata"]}
    for model in models:
        for part in walk(model):
            filename = getattr(part, "filename", None)
            if filename and hasattr(part, "write") and (overwrite_templates or not make_path(filename).exists()):
                part.write(overwrite=overwrite_templates)
    write_yaml(content, target, overwrite=overwrite)


def read_content(filename: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the content of a file of models."""
    content = read_yaml(filename)
    if not isinstance(content, dict) or "components" not in content:
        raise FileFormatError(f"{filename}: no models in this file, there is no list of components")
    return content


def folder_of(filename: str | os.PathLike[str]) -> Path:
    """Return the folder of a file."""
    return make_path(filename).parent


def _write_matrix(models: DatasetModels, path: Path, overwrite: bool) -> None:
    """Write a covariance as a table of fixed columns, a row for each parameter."""
    names, matrix = models.parameters_unique_names, models.covariance.data
    rows = [["Parameters", *map(str, range(len(names)))]]
    # As many digits as a number has: what is read back is what was written.
    rows += [[name, *(repr(float(x)) for x in row)] for name, row in zip(names, matrix, strict=True)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(x.rjust(width) for x, width in zip(row, widths, strict=True)) + " |" for row in rows]
    with atomic_path(path, overwrite) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read_matrix(path: Path) -> tuple[list[str], np.ndarray]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: the covariance cannot be read ({error})") from error
    # The names in the first column may hold what separates the columns.
    n_columns = len(lines[0].strip().strip("|").split("|")) - 1 if lines else 0
    rows = [[x.strip() for x in line.strip()[1:-1].rsplit("|", n_columns)] for line in lines[1:] if line.strip()]
    try:
        matrix = np.array([[float(x) for x in row[1:]] for row in rows])
    except ValueError as error:
        raise FileFormatError(f"{path}: a covariance with an entry that is no number") from error
    if matrix.shape != (len(rows), len(rows)):
        raise FileFormatError(f"{path}: the covariance has the shape {matrix.shape}, it must be square")
    return [row[0] for row in rows], matrix


def _resolved(content: Any, folder: Path) -> Any:
    """Return content with file names that are relative to ``folder`` completed, where the file is there."""
    if isinstance(content, dict):
        done = {key: _resolved(value, folder) for key, value in content.items()}
        name = done.get("filename")
        if isinstance(name, str) and not make_path(name).is_absolute() and (folder / name).exists():
            done["filename"] = str(folder / name)
        return done
    return [_resolved(value, folder) for value in content] if isinstance(content, list) else content
