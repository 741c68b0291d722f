"""From the name of a model in a file to its class.

Every subclass of `~gammafold.modeling.models.core.ModelBase` is known by its ``tag`` as soon as it is defined;
nothing needs to be registered. A class of a user is written with its import path, and found by that.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from gammafold.utils.errors import FileFormatError, UnknownNameError

__all__ = [
    "MODEL_REGISTRY",
    "PRIOR_REGISTRY",
    "SPATIAL_MODEL_REGISTRY",
    "SPECTRAL_MODEL_REGISTRY",
    "TEMPORAL_MODEL_REGISTRY",
    "ModelRegistry",
    "find_class",
    "known_classes",
]

T = TypeVar("T")


class ModelRegistry:
    """The models of one kind, by their tags.

    Parameters
    ----------
    kind : {"spectral", "spatial", "temporal", "prior", ""}
        Kind of the models; an empty string for those that are members of `Models`.

    Examples
    --------
    >>> from gammafold.modeling.models import TEMPORAL_MODEL_REGISTRY
    >>> TEMPORAL_MODEL_REGISTRY.get_cls("exp-decay").__name__
    'ExpDecayTemporalModel'
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __iter__(self) -> Iterator[type[Any]]:
        return iter(known_classes(self._base()))

    def __len__(self) -> int:
        return len(known_classes(self._base()))

    def __contains__(self, cls: object) -> bool:
        return cls in known_classes(self._base())

    def append(self, cls: type) -> None:
        """Accepted for scripts: a class is known when it is defined."""

    def get_cls(self, tag: str) -> Any:
        """Return the class of a tag.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        base = self._base()
        for cls in known_classes(base):
            if tag in _tags(cls):
                return cls
        raise UnknownNameError(
            f"no {self.kind} model {tag!r}: there are {sorted(_tags(cls)[0] for cls in known_classes(base))}"
        )

    def _base(self) -> type[Any]:
        from gammafold.modeling.models import core, prior

        _import_all()
        if self.kind == "prior":
            return prior.Prior
        if self.kind == "":
            return core.NamedModel
        for cls in core.ModelBase.__subclasses__():
            if cls._type == self.kind and cls.__module__.startswith("gammafold."):
                return cls
        raise UnknownNameError(f"no models of the kind {self.kind!r}")

    def __repr__(self) -> str:
        return f"ModelRegistry({self.kind!r})"


MODEL_REGISTRY = ModelRegistry("")
SPECTRAL_MODEL_REGISTRY = ModelRegistry("spectral")
SPATIAL_MODEL_REGISTRY = ModelRegistry("spatial")
TEMPORAL_MODEL_REGISTRY = ModelRegistry("temporal")
PRIOR_REGISTRY = ModelRegistry("prior")


def find_class(content: Mapping[str, Any], base: type[T], kind: str | None = None) -> type[T]:
    """Return the class that an entry of a file names by its "type", or its "class" if it is a user's.

    Parameters
    ----------
    content : dict
        The entry.
    base : type
        What the class must derive from.
    kind : str, optional
        Kind of the model; tags are unique among the models of one kind.

    Raises
    ------
    FileFormatError
        If there is no such class, or it is no subclass of ``base``.
    """
    if not isinstance(content, Mapping):
        raise FileFormatError(f"a {kind or base.__name__} entry is {content!r}: expected a mapping with a type")
    tag = content.get("type")
    path = content.get("class")
    _import_all()
    candidates = [cls for cls in known_classes(base) if kind is None or getattr(cls, "_type", None) == kind]
    found = [cls for cls in candidates if tag in _tags(cls)]
    if path is not None:
        # A class defined in a script has no module to import, but is known while the script runs.
        found = [cls for cls in found if f"{cls.__module__}:{cls.__qualname__}" == path] or [_imported(path, base)]
    if not found:
        accepted = sorted({_tags(cls)[0] for cls in candidates})
        raise FileFormatError(f"unknown type {tag!r} of a {kind or base.__name__} entry: expected one of {accepted}")
    return found[-1]


def known_classes(base: type[T]) -> list[type[T]]:
    """Return all subclasses of ``base``, in the order of definition; those without a tag of their own too."""
    found: list[type[T]] = []
    for cls in base.__subclasses__():
        found += [cls, *known_classes(cls)]
    return found


def _imported(path: str, base: type[T]) -> type[T]:
    module, _, name = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise FileFormatError(
            f"the class {path!r} cannot be imported: make its module importable, or define it before reading"
        ) from error
    if not isinstance(found, type) or not issubclass(found, base):
        raise FileFormatError(f"{path!r} is no {base.__name__}")
    return found


@cache
def _import_all() -> None:
    """Import the modules of the package, so that every class is known."""
    from gammafold.modeling import models

    for module in pkgutil.iter_modules(models.__path__):
        importlib.import_module(f"{models.__name__}.{module.name}")


def _tags(cls: Any) -> list[str]:
    return [cls.tag] if isinstance(cls.tag, str) else list(cls.tag)
