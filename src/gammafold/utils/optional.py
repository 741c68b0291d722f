"""Packages that are needed only for an extra."""

from __future__ import annotations

from importlib.util import find_spec

from gammafold.utils.errors import MissingPackageError

__all__ = ["require_package"]


def require_package(package: str, extra: str) -> None:
    """Raise an error that says what to install, if a package is not there.

    Parameters
    ----------
    package : str
        What is imported.
    extra : str
        The extra of gammafold that brings it.

    Raises
    ------
    MissingPackageError
        If ``package`` cannot be found.
    """
    if find_spec(package) is None:
        raise MissingPackageError(f"{package} is not installed: pip install 'gammafold[{extra}]'")
