"""The array namespace of a model's formula."""

from __future__ import annotations

from gammafold.utils.namespace import namespace_of

__all__ = ["namespace_of"]
