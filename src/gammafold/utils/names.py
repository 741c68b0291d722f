"""Short unique names for what the user did not name."""

from __future__ import annotations

import secrets
import string

__all__ = ["make_name"]

_ALPHABET = string.ascii_lowercase + string.digits


def make_name(name: str | None = None) -> str:
    """Return ``name``, or a random string of eight letters and digits if it is None.

    Examples
    --------
    >>> make_name("crab")
    'crab'
    >>> len(make_name())
    8
    """
    if name is not None:
        return str(name)
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))
