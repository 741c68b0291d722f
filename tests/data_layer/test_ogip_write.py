from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from gammafold.data.ogip import (
    AncillaryResponse,
    EnergyBounds,
    RawTable,
    RedistributionMatrix,
    Spectrum,
    read_arf,
    read_ogip,
    read_pha,
    read_rmf,
    write_arf,
    write_background,
    write_pha,
    write_rmf,
)
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError

ARRAYS = ("channel", "counts", "sys_error", "quality", "backscal", "areascal")


def spectrum(n=5, **changes):
    first = Spectrum(
        channel=np.arange(n),
        counts=np.arange(n, dtype=float),
        exposure=1234.5678901234,
        poisson=True,
        counts_error=None,
        sys_error=np.zeros(n),
        quality=np.zeros(n, np.int16),
        grouping=None,
        backscal=np.linspace(1, 2, n),
        areascal=np.ones(n),
    )
    return replace(first, **changes)


def assert_same(one, other):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("grouping", "mask_fit", "counts_error"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_array_equal(a, b)
    assert (one.exposure, one.poisson, one.kind) == (other.exposure, other.poisson, other.kind)


def test_plain_spectrum_comes_back(tmp_path):
    path = tmp_path / "a.pha"
    write_pha(spectrum(), path)
    result = read_pha(path)
    assert_same(spectrum(), result)
    assert result.notes == ()
    with fits.open(path, checksum=True) as hdus:
        assert hdus[1].columns["COUNTS"].format == "J"
        assert hdus[1].columns["QUALITY"].format == "I"
        assert hdus[1].header["TLMIN1"] == 0
        assert hdus[1].header["HDUCLAS4"] == "TYPE:I"
        assert "DATASUM" in hdus[1].header
    write_pha(spectrum(), path, overwrite=True, checksum=False)
    assert "DATASUM" not in fits.getheader(path, 1)


def test_everything_a_spectrum_can_hold_comes_back(tmp_path):
    n = 4
    full = spectrum(
        n,
        counts=np.array([1.5, -2.5, 3.0, 0.0]),
        poisson=False,
        counts_error=np.array([1.0, 2.0, 3.0, 4.0]),
        sys_error=np.array([0.1, 0.0, 0.0, 0.2]),
        quality=np.array([0, 5, 2, -1], np.int16),
        grouping=np.array([1, -1, 1, -1], np.int16),
        mask_fit=np.array([True, False, True, True]),
        ebounds=EnergyBounds(np.arange(n), np.array([1e9, 2e9, 3e9, 4e9]), np.array([2e9, 3e9, 4e9, 5e9])),
        gti=RawTable(
            "GTI",
            {"START": np.array([1.0, 5.0]), "STOP": np.array([2.0, 9.0])},
            {"START": "s", "STOP": "s"},
            {"MJDREFI": 51910, "MJDREFF": 7.4e-4, "TIMESYS": "TT"},
        ),
        region=RawTable(
            "REGION",
            {"SHAPE": np.array(["CIRCLE"]), "X": np.array([[83.6]]), "N": np.array([3], "i4"), "ON": np.array([True])},
        ),
        background_files=("off.pha",),
        response_file="r.rmf",
        kind="NET",
        detchans=10,
        header={
            "OBS_ID": 23523,
            "TELESCOP": "HESS",
            "LO_THRES": 0.66,
            "odd key": 3.0,
            "NOTE": "caf\xe9",
            "BAD": np.nan,
        },
    )
    path = tmp_path / "full.pha"
    write_pha(full, path, ancillary_file="b.arf")
    with pytest.warns(UserWarning, match="HDUCLAS2 = NET"):
        result = read_pha(path)
    assert_same(full, result)
    np.testing.assert_array_equal(result.ebounds.energy_max, full.ebounds.energy_max)
    np.testing.assert_array_equal(result.gti.columns["STOP"], [2.0, 9.0])
    assert result.gti.units == {"START": "s", "STOP": "s"}
    assert result.gti.header["MJDREFF"] == 7.4e-4
    assert result.region.columns["SHAPE"][0] == "CIRCLE"
    np.testing.assert_array_equal(np.ravel(result.region.columns["X"]), [83.6])
    assert (result.background_files, result.response_file) == (("off.pha",), "r.rmf")
    assert result.ancillary_file == "b.arf"
    assert result.detchans == 10
    assert {key: result.header.get(key) for key in ("OBS_ID", "TELESCOP", "LO_THRES", "odd key", "NOTE", "BAD")} == {
        "OBS_ID": 23523,
        "TELESCOP": "HESS",
        "LO_THRES": 0.66,
        "odd key": 3.0,
        "NOTE": "caf",
        "BAD": None,
    }


def test_expected_counts_keep_their_fractions_and_their_statistic(tmp_path):
    counts = np.array([237.1, 0.25, 3.0, 0.0, 1e-3])
    write_pha(spectrum(counts=counts), tmp_path / "asimov.pha")
    result = read_pha(tmp_path / "asimov.pha")
    np.testing.assert_array_equal(result.counts, counts)
    assert result.poisson
    with fits.open(tmp_path / "asimov.pha") as hdus:
        assert hdus[1].header["POISSERR"] is False
        np.testing.assert_allclose(hdus[1].data["STAT_ERR"], np.sqrt(counts))


def test_counts_beyond_thirty_two_bits(tmp_path):
    write_pha(spectrum(counts=np.array([3e9, 1, 2, 3, 4])), tmp_path / "big.pha")
    assert read_pha(tmp_path / "big.pha").counts[0] == 3e9


def test_background_file(tmp_path):
    write_background(spectrum(background_files=("x.pha",)), tmp_path / "off.pha")
    result = read_pha(tmp_path / "off.pha")
    assert result.kind == "BKG"
    assert result.background_files == ()


def test_existing_files_are_kept_and_failures_leave_no_trace(tmp_path):
    path = tmp_path / "a.pha"
    write_pha(spectrum(), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="file exists"):
        write_pha(spectrum(), path)
    with pytest.raises(InputError, match="BACKSCAL: cannot write nan"):
        write_pha(spectrum(backscal=np.full(5, np.nan)), path, overwrite=True)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.pha"]


def test_area_comes_back(tmp_path):
    energy = np.geomspace(0.1, 10, 6)
    arf = AncillaryResponse(energy[:-1], energy[1:], np.array([0, 1e-30, 1, 2, 3e9]), header={"LO_THRES": 0.5})
    write_arf(arf, tmp_path / "a.arf")
    result = read_arf(tmp_path / "a.arf")
    for name in ("energy_lo", "energy_hi", "area"):
        np.testing.assert_array_equal(getattr(result, name), getattr(arf, name))
    assert result.header["LO_THRES"] == 0.5
    with pytest.raises(InputError, match="SPECRESP: cannot write inf"):
        write_arf(replace(arf, area=np.full(5, np.inf)), tmp_path / "b.arf")


@given(st.integers(1, 6), st.integers(1, 8), st.sampled_from([0, 1, 7]), st.booleans(), st.data())
def test_any_matrix_comes_back(tmp_path_factory, n_energy, n_channel, base, area, data):
    values = data.draw(
        st.lists(st.sampled_from([0.0, 0.0, 0.125, 1.0]), min_size=n_energy * n_channel, max_size=n_energy * n_channel)
    )
    matrix = np.array(values).reshape(n_energy, n_channel) * (100.0 if area else 0.01)
    energy, bounds = np.geomspace(1, 10, n_energy + 1), np.geomspace(1, 10, n_channel + 1)
    ebounds = EnergyBounds(np.arange(base, base + n_channel), bounds[:-1], bounds[1:])
    rmf = RedistributionMatrix(energy[:-1], energy[1:], matrix, ebounds, base, contains_area=area)
    path = tmp_path_factory.mktemp("rmf") / "a.rmf"
    write_rmf(rmf, path)
    result = read_rmf(path)
    np.testing.assert_array_equal(result.matrix, matrix)
    np.testing.assert_array_equal(result.ebounds.channel, ebounds.channel)
    np.testing.assert_array_equal(result.energy_hi, rmf.energy_hi)
    assert result.first_channel == base
    assert result.contains_area == area


def test_matrix_that_is_not_finite(tmp_path):
    rmf = read_rmf(sample_files("crab-hess")[0].parent / "rmf_obs23523.fits")
    with pytest.raises(InputError, match="matrix: cannot write nan"):
        write_rmf(replace(rmf, matrix=rmf.matrix * np.nan), tmp_path / "a.rmf")


def test_crab_observation_comes_back(tmp_path):
    source = read_ogip(sample_files("crab-hess")[1])
    write_rmf(source.rmf, tmp_path / "r.fits")
    write_arf(source.arf, tmp_path / "a.fits")
    write_background(source.background, tmp_path / "b.fits")
    write_pha(source.spectrum, tmp_path / "s.fits", False, "b.fits", "r.fits", "a.fits")
    result = read_ogip(tmp_path / "s.fits")
    assert_same(source.spectrum, result.spectrum)
    assert_same(source.background, result.background)
    np.testing.assert_array_equal(result.rmf.matrix, source.rmf.matrix)
    np.testing.assert_array_equal(result.arf.area, source.arf.area)
    assert result.spectrum.header["OBS_ID"] == 23526
    assert result.spectrum.header["LO_THRES"] == source.spectrum.header["LO_THRES"]


def test_raw_tables_with_texts_and_vectors_survive_reading_by_astropy(tmp_path):
    region = RawTable(
        "REGION", {"SHAPE": np.array(["CIRCLE", "BOX"]), "R": np.array([[1.0, 2.0], [3.0, 4.0]])}, {"R": "deg"}
    )
    write_pha(spectrum(region=region), tmp_path / "r.pha")
    with fits.open(tmp_path / "r.pha") as hdus:
        assert list(hdus["REGION"].data["SHAPE"]) == ["CIRCLE", "BOX"]
        np.testing.assert_array_equal(hdus["REGION"].data["R"], [[1, 2], [3, 4]])
        assert hdus["REGION"].columns["R"].unit == "deg"
