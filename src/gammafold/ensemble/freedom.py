"""Which parameters an ensemble fits, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gammafold.utils.errors import InputError, UnknownNameError

__all__ = ["only_free", "parameter_labels"]


@contextmanager
def only_free(collection: Any, free: Sequence[Any] | None) -> Iterator[None]:
    """Free some parameters of the models and freeze all others while the context lasts.

    Parameters
    ----------
    collection : Datasets
        With models.
    free : list of str or Parameter, or None
        Parameters, or their names as `parameter_labels` has them; None leaves all as they are.

    Raises
    ------
    InputError
        If the list is empty, or names one twice.
    UnknownNameError
        If there is no such parameter, or several have the name.
    """
    if free is None:
        yield
        return
    parameters = list(collection.parameters.unique_parameters)
    chosen = _find(collection, parameters, [free] if isinstance(free, str) else list(free))
    before = [parameter.frozen for parameter in parameters]
    try:
        for parameter in parameters:
            parameter.frozen = not any(parameter is one for one in chosen)
        yield
    finally:
        for parameter, frozen in zip(parameters, before, strict=True):
            parameter.frozen = frozen


def _find(collection: Any, parameters: list[Any], wanted: list[Any]) -> list[Any]:
    if not wanted:
        raise InputError("free is empty: expected at least one parameter to fit, or None for those that are free")
    labels = parameter_labels(collection, parameters)
    chosen: list[Any] = []
    for item in wanted:
        if isinstance(item, str):
            found = [p for p, label in zip(parameters, labels, strict=True) if item in (label, p.name)]
        else:
            found = [p for p in parameters if p is item]
        if len(found) != 1:
            kind = "several parameters are called" if found else "no parameter"
            raise UnknownNameError(f"free: {kind} {getattr(item, 'name', item)!r}: there are {labels}")
        if any(found[0] is one for one in chosen):
            raise InputError(f"free names {getattr(item, 'name', item)!r} twice")
        chosen += found
    return chosen


def parameter_labels(collection: Any, parameters: Sequence[Any]) -> list[str]:
    """Return a unique name for each parameter: its own, with that of its model before it where others share it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> models = [SkyModel(PowerLawSpectralModel(), name=name) for name in ("crab", "halo")]
    >>> parameters = [*models[0].parameters, models[1].parameters["index"]]
    >>> parameter_labels(SimpleNamespace(models=models), parameters)
    ['crab.index', 'amplitude', 'reference', 'halo.index']
    """
    names = [parameter.name for parameter in parameters]
    labels = []
    for parameter in parameters:
        shared = names.count(parameter.name) > 1
        labels.append(f"{_owner(collection, parameter)}.{parameter.name}" if shared else parameter.name)
    return labels


def _owner(collection: Any, parameter: Any) -> str:
    return next(str(model.name) for model in collection.models if any(parameter is own for own in model.parameters))
