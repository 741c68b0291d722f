"""The errors and the warning that gammafold raises.

Each error is also the builtin that a script would catch, so ``except ValueError`` works too.
"""

from __future__ import annotations

__all__ = [
    "ExistingFileError",
    "FileFormatError",
    "FitError",
    "GammafoldError",
    "GammafoldWarning",
    "InputError",
    "InputTypeError",
    "MissingPackageError",
    "UnitsError",
    "UnknownNameError",
]


class GammafoldError(Exception):
    """Base of all errors that gammafold raises on purpose."""


class InputError(GammafoldError, ValueError):
    """A value that cannot be accepted: the message says what came and what would be accepted."""


class ExistingFileError(InputError):
    """Files that would be replaced without having been asked: the message names them.

    Parameters
    ----------
    files : str
        The files.
    option : str
        What to pass for them to be replaced. Default: "overwrite=True".
    """

    def __init__(self, files: str, option: str = "overwrite=True") -> None:
        super().__init__(f"file exists: {files} (pass {option} to replace it)")
        self.files = files


class InputTypeError(GammafoldError, TypeError):
    """An argument of the wrong kind."""


class MissingPackageError(GammafoldError, ImportError):
    """A package that an extra of gammafold would install: the message says which."""


class UnknownNameError(GammafoldError, KeyError):
    """A name that is not there: the message lists those that are."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which would put the sentence in quotes.
        return str(self.args[0]) if self.args else ""


class UnitsError(GammafoldError, ValueError):
    """A unit that cannot be converted to the one needed."""


class FileFormatError(GammafoldError, ValueError):
    """A file that cannot be read: the message names file, extension and keyword or column."""


class FitError(GammafoldError, RuntimeError):
    """A fit that cannot be started or carried on."""


class GammafoldWarning(UserWarning):
    """Something was assumed, or looks suspicious; the message says what."""
