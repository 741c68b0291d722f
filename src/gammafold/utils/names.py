"""Short unique names for what the user did not name."""

from __future__ import annotations

import secrets
import string
from typing import Any

from gammafold.utils.errors import InputTypeError

__all__ = ["make_name", "name_in_file"]

_ALPHABET = string.ascii_lowercase + string.digits


def make_name(name: str | None = None) -> str:
    """Return ``name``, or a random string of eight letters and digits if it is None.

    Raises
    ------
    InputTypeError
        If it is no string, or an empty one.

    Examples
    --------
    >>> make_name("crab")
    'crab'
    >>> len(make_name())
    8
    """
    if name is None:
        return "".join(secrets.choice(_ALPHABET) for _ in range(8))
    if not isinstance(name, str) or not name:
        raise InputTypeError(f"name is {name!r}: expected a string that is not empty, or None for a random one")
    return str(name)


def name_in_file(value: Any) -> str | None:
    """Return a name as a file holds it: one that is a number there, such as that of an observation, is its text.

    Examples
    --------
    >>> name_in_file(23523)
    '23523'
    """
    return None if value is None or value == "" else str(value)
