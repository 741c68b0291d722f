"""Paths, atomic writing and YAML."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from gammafold.utils.errors import ExistingFileError, FileFormatError, InputError, InputTypeError

__all__ = ["all_or_none", "atomic_path", "bare_name", "make_path", "read_yaml", "write_yaml"]

# Files that wait for others to be written, as their temporary and their final names; None where none do.
_waiting: ContextVar[list[tuple[Path, Path]] | None] = ContextVar("_waiting", default=None)


def make_path(path: str | os.PathLike[str]) -> Path:
    """Return a `~pathlib.Path` with ``~`` and ``$VARIABLES`` expanded.

    Raises
    ------
    InputTypeError
        If it is no path.

    Examples
    --------
    >>> make_path("spectra/crab.fits").name
    'crab.fits'
    """
    try:
        name = os.fspath(path)
    except TypeError:
        raise InputTypeError(f"the name of a file is {path!r}: expected a string or a path") from None
    return Path(os.path.expandvars(os.fsdecode(name))).expanduser()


def bare_name(path: Path) -> str:
    """Return the name of a file without its ending, and without that of a compression.

    Examples
    --------
    >>> bare_name(Path("run-7.pha.gz"))
    'run-7'
    """
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


@contextmanager
def atomic_path(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block ends well.

    A crash leaves the old file or the new one, never half of one. The temporary name keeps the
    suffixes of ``path``, so that writers which look at them (``.fits.gz``) do the right thing.

    Raises
    ------
    InputError
        If ``path`` exists and ``overwrite`` is False, it is a folder, or its folder does not exist.
    """
    target = make_path(path)
    if target.is_dir():
        raise InputError(f"cannot write {target}: it is a folder")
    if target.exists() and not overwrite:
        raise ExistingFileError(str(target))
    if not target.parent.is_dir():
        raise InputError(f"no such folder: {target.parent} (to write {target.name})")
    descriptor, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name.split('.')[0]}-", suffix="".join(target.suffixes)
    )
    os.close(descriptor)
    temporary = Path(name)
    try:
        # mkstemp makes private files; a result is as readable as any file the user makes.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        yield temporary
        waiting = _waiting.get()
        if waiting is None:
            os.replace(temporary, target)
        else:
            waiting.append((temporary, target))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def all_or_none() -> Iterator[None]:
    """Let the files that are written inside take their places together, when the block ends well.

    If something goes wrong before, the files that were there stay as they are, all of them.

    Examples
    --------
    >>> with all_or_none():
    ...     write_yaml({"a": 1}, "a.yaml")  # doctest: +SKIP
    ...     write_yaml({"b": 2}, "b.yaml")  # doctest: +SKIP
    """
    if _waiting.get() is not None:
        yield
        return
    waiting: list[tuple[Path, Path]] = []
    token = _waiting.set(waiting)
    try:
        yield
        for temporary, target in waiting:
            os.replace(temporary, target)
    finally:
        _waiting.reset(token)
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """Read a YAML file.

    Raises
    ------
    FileFormatError
        If the file is missing or is not YAML.
    """
    import yaml

    source = make_path(path)
    try:
        return yaml.safe_load(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileFormatError(f"cannot read {source}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{source} is not a YAML file: {error}") from error


def write_yaml(content: Any, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write ``content`` (plain dicts, lists, strings and numbers) to a YAML file, atomically."""
    import yaml

    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=False, allow_unicode=True)
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
