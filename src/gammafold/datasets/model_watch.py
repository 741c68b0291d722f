"""What a compiled likelihood depends on in a model, listed for its fingerprint.

Values of parameters are arguments of a likelihood and are not watched. Watched are: the attributes of a model and
its parts, by a stamp that is new after each assignment; what a parameter keeps under its stamp (frozen, limits, unit,
prior), which shows a link too, since another parameter has another stamp; the numbers of priors; and the arrays of
templates, by content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gammafold.datasets.fingerprint import Watch
from gammafold.modeling.models.core import ModelBase, NamedModel

__all__ = ["watch_model"]


def watch_model(model: ModelBase) -> list[Watch]:
    """Return watches on a model, its parts and their parameters.

    Parameters
    ----------
    model : SkyModel, FoVBackgroundModel, ...
        The model.

    Examples
    --------
    >>> from gammafold.datasets.fingerprint import Fingerprint
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> model = SkyModel(PowerLawSpectralModel())
    >>> fingerprint = Fingerprint(watch_model(model))
    >>> model.spectral_model.index.value = 3
    >>> fingerprint.holds()
    True
    >>> model.spectral_model.index.frozen = True
    >>> fingerprint.holds()
    False
    """
    identities: list[str] = []
    values: list[str] = []
    arrays: list[np.ndarray] = []
    for path, part in _parts(model, ""):
        identities.append(f"{path}_stamp")
        if isinstance(part, NamedModel):
            values.append(f"{path}datasets_key")
        for name in part._parameter_names:
            identities.append(f"{path}{name}._stamp")
            values += _watched_values(part, path, name)
        for held in vars(part).values():
            arrays += _arrays_in(held)
    return [Watch(model, identities, values, arrays)]


def _parts(model: ModelBase, path: str) -> Iterator[tuple[str, ModelBase]]:
    """Go through a model and its parts, with the dotted names that lead there."""
    yield path, model
    for name, held in vars(model).items():
        if isinstance(held, ModelBase):
            yield from _parts(held, f"{path}{name}.")


def _watched_values(part: ModelBase, path: str, name: str) -> list[str]:
    """Return dotted names of numbers that are constants of a compiled likelihood."""
    parameter = getattr(part, name)
    watched = []
    if part.type == "spatial" or (part.type == "temporal" and parameter.frozen):
        # Whether a source touches a region is decided once, and so is an average over time that nothing can change.
        watched.append(f"{path}{name}._value")
    if parameter.prior is not None:
        prior = f"{path}{name}._prior"
        watched.append(f"{prior}.weight")
        watched += [f"{prior}.{n.name}.{what}" for n in parameter.prior.parameters for what in ("_value", "unit")]
    return watched


def _arrays_in(held: Any) -> list[np.ndarray]:
    """Return the arrays of numbers that an attribute holds, without units: the same memory."""
    candidates = held if isinstance(held, list | tuple) else [held, getattr(held, "data", None)]
    return [
        array.view(np.ndarray)
        for array in candidates
        if isinstance(array, np.ndarray) and array.ndim and array.dtype.kind in "biuf"
    ]
