"""Paths, atomic writing and YAML."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gammafold.utils.errors import ExistingFileError, FileFormatError, InputError

__all__ = ["atomic_path", "make_path", "read_yaml", "write_yaml"]


def make_path(path: str | os.PathLike[str]) -> Path:
    """Return a `~pathlib.Path` with ``~`` and ``$VARIABLES`` expanded.

    Examples
    --------
    >>> make_path("spectra/crab.fits").name
    'crab.fits'
    """
    return Path(os.path.expandvars(os.fspath(path))).expanduser()


@contextmanager
def atomic_path(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block ends well.

    A crash leaves the old file or the new one, never half of one. The temporary name keeps the
    suffixes of ``path``, so that writers which look at them (``.fits.gz``) do the right thing.

    Raises
    ------
    InputError
        If ``path`` exists and ``overwrite`` is False, or its folder does not exist.
    """
    target = make_path(path)
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
        os.replace(temporary, target)
    finally:
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
