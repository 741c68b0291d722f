"""Damaged files: a sound object or a `FileFormatError`, nothing else."""

from __future__ import annotations

import re
import shutil
import warnings
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from gammafold.data.ogip import read_arf, read_ogip, read_pha, read_rmf
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, GammafoldWarning

FOLDER = sample_files("crab-hess")[0].parent
READERS = {"pha": read_pha, "bkg": read_pha, "arf": read_arf, "rmf": read_rmf}
DATA = {kind: (FOLDER / f"{kind}_obs23523.fits").read_bytes() for kind in READERS}
VALUES = [
    "-1",
    "0",
    "1",
    "2",
    "7",
    "81",
    "32768",
    "999999999999999999999",
    "1E400",
    "-3.5",
    "T",
    "'x'",
    "''",
    "NaN",
    "'",
    "(",
]
PER_SEED = 60


def flipped(data, rng):
    damaged = bytearray(data)
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        damaged[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(damaged)


def overwritten(data, rng):
    at, size = int(rng.integers(0, len(data))), int(rng.integers(1, 400))
    return data[:at] + rng.bytes(size) + data[at + size :]


def truncated(data, rng):
    return data[: int(rng.integers(0, len(data)))]


def shortened(data, rng):
    at = int(rng.integers(0, len(data)))
    return data[:at] + data[at + int(rng.integers(1, 3000)) :]


def changed_keyword(data, rng):
    cards = [m.start() for m in re.finditer(rb"[A-Z0-9_ -]{8}= ", data) if m.start() % 80 == 0]
    at = cards[int(rng.integers(0, len(cards)))]
    value = VALUES[int(rng.integers(0, len(VALUES)))]
    return data[: at + 10] + f"{value:>20s}".ljust(70).encode() + data[at + 80 :]


def swapped_name(data, rng):
    names = [
        b"COUNTS",
        b"CHANNEL",
        b"QUALITY",
        b"BACKSCAL",
        b"ENERG_LO",
        b"E_MIN",
        b"MATRIX",
        b"N_CHAN",
        b"keV",
        b"cm2",
    ]
    present = [name for name in names if name in data]
    one, other = present[int(rng.integers(0, len(present)))], names[int(rng.integers(0, len(names)))]
    size = max(len(one), len(other))
    return data.replace(one.ljust(size), other.ljust(size))


DAMAGES = [flipped, overwritten, truncated, shortened, changed_keyword, swapped_name]


def check_sound(result):
    """Raise AssertionError unless every number of an object can be used."""
    for one in fields(result):
        value = getattr(result, one.name)
        if is_dataclass(value) and one.name not in {"gti", "region"}:
            check_sound(value)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            assert np.isfinite(value).all(), one.name
            if one.name not in {"matrix", "counts"}:
                assert (value >= 0).all(), one.name
    if hasattr(result, "counts"):
        n = result.channel.size
        assert {getattr(result, name).shape for name in ("counts", "quality", "backscal", "areascal")} == {(n,)}
        assert np.isfinite(result.exposure)
    if hasattr(result, "matrix"):
        assert result.matrix.shape == (result.energy_lo.size, result.ebounds.channel.size)


def refused(reader, path):
    """Return the message of the error about a file, or None if it gives a sound object."""
    try:
        check_sound(reader(path))
    except FileFormatError as error:
        return str(error)
    return None


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("kind", READERS)
def test_damaged_file_is_read_right_or_refused(tmp_path, kind, damage):
    rng = np.random.default_rng([DAMAGES.index(damage), list(READERS).index(kind)])
    path = tmp_path / f"{kind}.fits"
    n_refused = 0
    for _ in range(PER_SEED):
        path.write_bytes(damage(DATA[kind], rng))
        with warnings.catch_warnings():
            # Whatever else would be warned about is an error here, as in all tests.
            warnings.simplefilter("ignore", GammafoldWarning)
            refusal = refused(READERS[kind], path)
        if refusal is not None:
            n_refused += 1
            assert path.name in refusal
    if damage is truncated:
        # A cut can only go unseen in the blanks after the last row.
        assert n_refused > 0.7 * PER_SEED
    assert n_refused > 0


@pytest.mark.parametrize("damage", [flipped, changed_keyword], ids=lambda damage: damage.__name__)
def test_damaged_file_among_sound_companions(tmp_path, damage):
    for kind in READERS:
        shutil.copy(FOLDER / f"{kind}_obs23523.fits", tmp_path)
    rng = np.random.default_rng(1)
    for i in range(PER_SEED):
        kind = list(READERS)[i % 4]
        path = tmp_path / f"{kind}_obs23523.fits"
        path.chmod(0o644)
        path.write_bytes(damage(DATA[kind], rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GammafoldWarning)
            refusal = refused(read_ogip, tmp_path / "pha_obs23523.fits")
        assert refusal is None or "obs23523.fits" in refusal
        path.write_bytes(DATA[kind])


def by_astropy(kind, path):
    """Return the numbers that matter as another reader finds them, or None where it finds none."""
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(path, memmap=False) as hdus:
                if kind == "rmf":
                    return matrix_by_astropy(hdus)
                name, column = {"arf": ("SPECRESP", "SPECRESP")}.get(kind, ("SPECTRUM", "COUNTS"))
                values = np.array(hdus[name].data[column], dtype=float)
                if kind == "arf":
                    unit = hdus[name].columns[column].unit
                    values = values * {"m2": 1e4, "cm2": 1.0}[unit]
                return values
        except Exception:
            # Whatever a damaged file does to it.
            return None


def matrix_by_astropy(hdus):
    table, n_channels = hdus["MATRIX"], len(hdus["EBOUNDS"].data)
    base = table.header["TLMIN4"]
    matrix = np.zeros((len(table.data), n_channels))
    for i, row in enumerate(table.data):
        at = 0
        for f, n in zip(row["F_CHAN"][: row["N_GRP"]], row["N_CHAN"][: row["N_GRP"]], strict=True):
            matrix[i, f - base : f - base + n] += row["MATRIX"][at : at + n]
            at += n
    return matrix


VALUE = {"pha": "counts", "bkg": "counts", "arf": "area", "rmf": "matrix"}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("kind", READERS)
def test_what_is_read_of_a_damaged_file_is_what_it_says(tmp_path, kind, damage):
    rng = np.random.default_rng([7, DAMAGES.index(damage), list(READERS).index(kind)])
    path = tmp_path / f"{kind}.fits"
    n_compared = 0
    for _ in range(25):
        path.write_bytes(damage(DATA[kind], rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GammafoldWarning)
            try:
                found = getattr(READERS[kind](path), VALUE[kind])
            except FileFormatError:
                continue
        theirs = by_astropy(kind, path)
        if theirs is not None:
            np.testing.assert_allclose(found, theirs, rtol=1e-12)
            n_compared += 1
    if damage is flipped:
        assert n_compared > 0
