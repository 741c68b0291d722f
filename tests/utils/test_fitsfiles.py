"""Opening FITS files: every way to fail gives one kind of error, which names the file."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.fitsfiles import is_fits, open_fits


@pytest.fixture
def path(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("A", "D", array=np.arange(2000.0))], name="TABLE")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "good.fits", checksum=True)
    return tmp_path / "good.fits"


def test_good_files(path, monkeypatch):
    with open_fits(path, checksum=True) as hdulist:
        assert hdulist["TABLE"].data["A"][-1] == 1999
    packed = path.with_suffix(".fits.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setenv("FOLDER", str(path.parent))
    with open_fits("$FOLDER/good.fits.gz") as hdulist:
        assert hdulist["TABLE"].data["A"][-1] == 1999


@pytest.mark.parametrize("content", [None, b"", b"no FITS", "half"])
def test_bad_files(content, path):
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:12000] if content == "half" else content)
    with pytest.raises(FileFormatError, match=r"cannot read .*good\.fits: "), open_fits(path):
        pass


@pytest.mark.parametrize("end", [30, 200, -9, -1])
def test_a_compressed_file_that_is_cut_off(end, path):
    packed = path.with_suffix(".fits.gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:end])
    with pytest.raises(FileFormatError, match=r"cannot read .*good\.fits\.gz: "), open_fits(packed):
        pass


def test_a_compressed_file_that_is_damaged(path):
    packed = path.with_suffix(".fits.gz")
    content = bytearray(gzip.compress(path.read_bytes()))
    for position in range(20, len(content), 97):
        damaged = content.copy()
        damaged[position] ^= 16
        packed.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"cannot read .*good\.fits\.gz: "), open_fits(packed):
            pass


def test_a_compressed_file_keeps_its_name(path):
    packed = path.with_suffix(".fits.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with open_fits(packed) as hdulist:
        assert hdulist.filename() == str(packed)


def test_checksums(path):
    content = bytearray(path.read_bytes())
    content[-2880 * 3] ^= 1
    path.write_bytes(content)
    with open_fits(path) as hdulist:
        assert "TABLE" in hdulist
    with pytest.raises(FileFormatError, match=r"good\.fits: .*verification failed"), open_fits(path, checksum=True):
        pass


def test_errors_of_what_reads(path):
    with pytest.raises(FileFormatError, match=r"good\.fits: .*COLUMN"), open_fits(path) as hdulist:
        hdulist["TABLE"].data["COLUMN"]
    with pytest.raises(FileFormatError, match=r"^cannot read .*good\.fits: no energies$"), open_fits(path):
        raise FileFormatError("no energies")
    with pytest.raises(FileFormatError, match=rf"^{path} has no energies$"), open_fits(path):
        raise FileFormatError(f"{path} has no energies")
    with pytest.raises(InputError, match=r"^sigma is 0$"), open_fits(path):
        raise InputError("sigma is 0")


def test_is_fits(tmp_path):
    plain, zipped, text, cut = (tmp_path / name for name in ("a.fits", "a.fits.gz", "a.txt", "cut.gz"))
    fits.PrimaryHDU().writeto(plain)
    fits.PrimaryHDU().writeto(zipped)
    text.write_text("SIMP")
    cut.write_bytes(zipped.read_bytes()[:12])
    assert is_fits(plain)
    assert is_fits(zipped)
    assert not is_fits(text)
    for path in (cut, tmp_path / "nothing.fits", tmp_path):
        with pytest.raises(FileFormatError, match="cannot read"):
            is_fits(path)


def test_a_file_cut_in_a_header_does_not_lose_its_other_extensions_in_silence(tmp_path):
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones(3)), fits.ImageHDU(np.ones(3))]).writeto(path)
    with fits.open(path) as hdulist:
        start = hdulist[2].fileinfo()["hdrLoc"]
    path.write_bytes(path.read_bytes()[: start + 1000])
    match = r"cannot read .*a\.fits: Error validating header for HDU #2"
    with pytest.raises(FileFormatError, match=match), open_fits(path):
        pass
