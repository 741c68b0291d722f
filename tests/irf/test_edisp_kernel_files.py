"""Kernels in OGIP files: written ones read by loops over the columns, and files of other writers."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.irf.edisp_kernel import EDispKernel
from gammafold.maps.axis import MapAxis
from gammafold.utils.errors import FileFormatError, InputError

MATRIX = np.array([[0.0, 0.3, 0.0, 0.1], [0.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])


def kernel(matrix=MATRIX, unit="TeV"):
    true = MapAxis.from_energy_edges(u.Quantity([1, 2, 5, 11], unit), name="energy_true")
    reco = MapAxis.from_energy_edges(u.Quantity([0.7, 1, 3, 8, 15], unit), name="energy")
    return EDispKernel([true, reco], matrix)


def decoded(hdulist):
    """Return the matrix of a file, element by element."""
    table, n = hdulist["MATRIX"].data, len(hdulist["EBOUNDS"].data)
    first = hdulist["MATRIX"].header["TLMIN4"]
    matrix = np.zeros((len(table), n))
    for i, row in enumerate(table):
        position = 0
        for start, length in zip(np.atleast_1d(row["F_CHAN"]), np.atleast_1d(row["N_CHAN"]), strict=True):
            matrix[i, start - first : start - first + length] = row["MATRIX"][position : position + length]
            position += length
    return matrix


@pytest.mark.parametrize("unit", ["TeV", "keV"])
def test_round_trip(unit, tmp_path):
    one = kernel(unit=unit)
    one.write(tmp_path / "rmf.fits")
    for again in (
        EDispKernel.read(tmp_path / "rmf.fits"),
        EDispKernel.read(tmp_path / "rmf.fits", checksum=True),
        EDispKernel.read(tmp_path / "rmf.fits", hdu1="MATRIX", hdu2="EBOUNDS"),
        EDispKernel.from_hdulist(one.to_hdulist()),
    ):
        assert_array_equal(again.data, one.data)
        assert again.energy_axis.unit == unit
        assert_allclose(again.energy_axis.edges.to_value(unit), one.energy_axis.edges.value, rtol=1e-14)
        assert_allclose(again.energy_axis_true.edges.to_value(unit), one.energy_axis_true.edges.value, rtol=1e-14)
    with pytest.raises(InputError, match=r"file exists"):
        one.write(tmp_path / "rmf.fits")
    one.write(tmp_path / "rmf.fits", overwrite=True)


def test_written_columns(tmp_path):
    kernel().write(tmp_path / "rmf.fits")
    with fits.open(tmp_path / "rmf.fits") as hdulist:
        assert [hdu.name for hdu in hdulist[1:]] == ["MATRIX", "EBOUNDS"]
        assert_array_equal(decoded(hdulist), MATRIX)
        assert list(hdulist["MATRIX"].data["N_GRP"]) == [2, 0, 1]
        assert_allclose(hdulist["EBOUNDS"].data["E_MIN"], np.array([0.7, 1, 3, 8]) * 1e9, rtol=1e-12)
        assert hdulist["MATRIX"].header["HDUCLAS2"] == "RSP_MATRIX"


def written(path, matrix_name="MATRIX", base=0, matrix=MATRIX, true=(1, 2, 5, 11), reco=(0.7, 1, 3, 8, 15), area=1.0):
    """Write a matrix as vectors of fixed length, one group a row, and single precision."""
    n = matrix.shape[1]
    columns = [
        fits.Column("ENERG_LO", "E", unit="TeV", array=true[:-1]),
        fits.Column("ENERG_HI", "E", unit="TeV", array=true[1:]),
        fits.Column("N_GRP", "I", array=[1] * len(matrix)),
        fits.Column("F_CHAN", "I", array=[base] * len(matrix)),
        fits.Column("N_CHAN", "I", array=[n] * len(matrix)),
        fits.Column("MATRIX", f"{n}E", array=matrix * area),
    ]
    one = fits.BinTableHDU.from_columns(columns, name=matrix_name)
    one.header.update({"TLMIN4": base, "HDUCLAS1": "RESPONSE", "HDUCLAS2": "RSP_MATRIX"})
    bounds = [
        fits.Column("CHANNEL", "I", array=np.arange(n) + base),
        fits.Column("E_MIN", "E", unit="TeV", array=reco[:-1]),
        fits.Column("E_MAX", "E", unit="TeV", array=reco[1:]),
    ]
    two = fits.BinTableHDU.from_columns(bounds, name="EBOUNDS")
    fits.HDUList([fits.PrimaryHDU(), one, two]).writeto(path)
    return path


@pytest.mark.parametrize("base", [0, 1])
def test_other_writers(base, tmp_path):
    path = written(tmp_path / "rmf.fits", base=base)
    assert EDispKernel.read(path).is_allclose(kernel(), rtol=1e-6)
    with fits.open(path) as hdulist:
        assert EDispKernel.from_hdulist(hdulist).is_allclose(kernel(), rtol=1e-6)


def test_matrix_that_contains_the_area(tmp_path):
    path = written(tmp_path / "rsp.fits", "SPECRESP MATRIX", area=500.0)
    one = EDispKernel.read(path)
    rows = MATRIX.sum(axis=1, keepdims=True)
    assert_allclose(one.data, np.divide(MATRIX, rows, out=np.zeros_like(MATRIX), where=rows > 0), rtol=1e-6)
    assert EDispKernel.read(path, hdu1="SPECRESP MATRIX").is_allclose(one)


def test_channels_from_high_to_low_energy(tmp_path):
    """As gratings are written."""
    path = written(tmp_path / "rmf.fits")
    with fits.open(path) as hdulist:
        for name in ("E_MIN", "E_MAX"):
            hdulist["EBOUNDS"].data[name] = hdulist["EBOUNDS"].data[name][::-1].copy()
        hdulist.writeto(tmp_path / "down.fits")
    assert EDispKernel.read(tmp_path / "down.fits").is_allclose(kernel(MATRIX[:, ::-1]), rtol=1e-6)


def test_bad_files(tmp_path):
    with pytest.raises(FileFormatError, match=r"missing\.fits"):
        EDispKernel.read(tmp_path / "missing.fits")
    path = written(tmp_path / "negative.fits", matrix=MATRIX - 0.01)
    with (
        pytest.raises(FileFormatError, match=r"negative\.fits: the energy dispersion holds -0.0099"),
        pytest.warns(match=r"negative"),
    ):
        EDispKernel.read(path)
    path = written(tmp_path / "rmf.fits")
    with pytest.raises(FileFormatError, match=r"rmf\.fits: there is no extension 'RMF': there are .*'MATRIX'"):
        EDispKernel.read(path, hdu1="RMF")
    with fits.open(path) as hdulist:
        hdulist["MATRIX"].data["ENERG_LO"][1] = 3
        hdulist.writeto(tmp_path / "gap.fits")
    with pytest.raises(FileFormatError, match=r"gap\.fits: the bins of energy_true do not touch: bin 0 ends at 2e\+09"):
        EDispKernel.read(tmp_path / "gap.fits")
    with pytest.raises(InputError, match=r"format is 'gadf': expected 'ogip'"):
        kernel().to_hdulist(format="gadf")
    with pytest.raises(InputError, match=r"format is 'gadf': expected 'ogip'"):
        kernel().write(tmp_path / "new.fits", format="gadf")
    assert not (tmp_path / "new.fits").exists()


def test_truncated_file(tmp_path):
    kernel().write(tmp_path / "rmf.fits")
    content = (tmp_path / "rmf.fits").read_bytes()
    (tmp_path / "cut.fits").write_bytes(content[: len(content) // 2])
    for arguments in ({}, {"hdu1": "MATRIX"}):
        with pytest.raises(FileFormatError, match=r"cut\.fits"):
            EDispKernel.read(tmp_path / "cut.fits", **arguments)


def test_table():
    table = kernel().to_table()
    assert table.colnames == ["ENERG_LO", "ENERG_HI", "MATRIX"]
    assert_array_equal(table["MATRIX"], MATRIX)
    assert_allclose(table["ENERG_HI"].quantity.to_value("TeV"), [2, 5, 11])
