from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gammafold.data.ogip import read_ogip
from gammafold.data.ogip.companions import is_unset, locate, resolve, split_row
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, GammafoldWarning, InputError, InputTypeError

COMPANIONS = {"BACKFILE": "bkg.pha", "RESPFILE": "src.rmf", "ANCRFILE": "src.arf"}
OFF = {"COUNTS": ("J", [30, 20, 10, 5, 4, 3])}


@pytest.fixture
def observation_files(make_pha, make_rmf, make_arf):
    make_rmf()
    make_arf()
    make_pha(columns=OFF, keywords={"BACKSCAL": 2.0, "EXPOSURE": 400.0, "HDUCLAS2": "BKG"}, name="bkg.pha")
    return make_pha(keywords=COMPANIONS)


def test_everything_beside_the_spectrum(observation_files, expected_matrix):
    observation = read_ogip(observation_files)
    np.testing.assert_allclose(observation.rmf.matrix, expected_matrix, rtol=1e-6)
    np.testing.assert_array_equal(observation.arf.area, [10, 20, 30, 40])
    np.testing.assert_array_equal(observation.background.counts, OFF["COUNTS"][1])
    assert observation.ebounds is observation.rmf.ebounds
    # 100 s * 0.5 against 400 s * 2.
    np.testing.assert_allclose(observation.background_scale(), np.full(6, 50 / 800))
    assert observation.is_good.all()


def test_scale_is_zero_where_nothing_was_exposed(observation_files, make_pha):
    make_pha(
        columns=OFF | {"BACKSCAL": ("E", [2, 2, 0, 2, 2, 2]), "AREASCAL": ("E", [1, 4, 1, 0, 1, 1])},
        name="bkg.pha",
    )
    observation = read_ogip(observation_files)
    np.testing.assert_allclose(observation.background_scale(), [0.25, 0.0625, 0, 0, 0.25, 0.25])
    np.testing.assert_array_equal(observation.is_good, [True, True, False, False, True, True])


def test_companions_gzipped(observation_files):
    for name in COMPANIONS.values():
        path = observation_files.with_name(name)
        path.with_name(f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read_ogip(observation_files).background.path.name == "bkg.pha.gz"


def test_companions_of_another_machine(observation_files, make_pha):
    path = make_pha(keywords={key: f"/data/elsewhere/{name}" for key, name in COMPANIONS.items()})
    assert read_ogip(path).arf is not None


def test_folder_of_the_spectrum_wins_over_the_working_directory(observation_files, tmp_path, monkeypatch):
    other = tmp_path / "cwd"
    other.mkdir()
    (other / "src.arf").write_text("not this one")
    monkeypatch.chdir(other)
    assert read_ogip(observation_files).arf is not None


def test_missing_companions_warn_and_leave_a_usable_object(observation_files):
    for name in COMPANIONS.values():
        observation_files.with_name(name).unlink()
    with pytest.warns(GammafoldWarning) as record:
        observation = read_ogip(observation_files)
    assert [str(one.message).split(": ")[1].split(" ")[0] for one in record] == ["RESPFILE", "ANCRFILE", "BACKFILE"]
    assert observation.spectrum.counts.sum() == 18
    assert (observation.arf, observation.rmf, observation.background) == (None, None, None)
    assert len(observation.notes) == 3


def test_nothing_named(make_pha):
    with pytest.warns(GammafoldWarning) as record:
        observation = read_ogip(make_pha())
    assert {str(one.message).split("; ")[1] for one in record} == {
        "the spectrum has no matrix",
        "the spectrum has no effective area",
    }
    assert observation.ebounds is None


def test_files_given_win_over_files_named(observation_files, make_arf, make_pha):
    other = make_arf(columns={"SPECRESP": ("D", [1, 1, 1, 1], "m2")}, name="other.arf")
    second = make_pha(columns=OFF, keywords={"HDUCLAS2": "BKG"}, name="second.pha")
    first = observation_files.with_name("bkg.pha")
    observation = read_ogip(observation_files, arf=other, background=[first, second])
    np.testing.assert_array_equal(observation.arf.area, [1e4] * 4)
    assert len(observation.backgrounds) == 2
    np.testing.assert_allclose(observation.background_scale(1), 1.0)
    assert read_ogip(observation_files, background=False).background is None
    assert read_ogip(observation_files, arf="none").arf is None
    assert read_ogip(observation_files, rmf=False, arf=False).rmf is None


def test_given_file_must_be_a_path_and_exist(observation_files):
    with pytest.raises(InputTypeError, match="ANCRFILE: a path or False is needed, got 3"):
        read_ogip(observation_files, arf=3)
    with pytest.raises(FileFormatError, match="no such file"):
        read_ogip(observation_files, rmf=observation_files.with_name("missing.rmf"))


def test_area_inside_the_matrix_is_not_counted_twice(observation_files, make_rmf):
    values = np.empty(4, object)
    values[:] = [np.array(one, "f4") for one in ([5, 15], [1, 2, 3, 2, 1], [4, 3, 2, 1], [])]
    make_rmf(extname="SPECRESP MATRIX", columns={"MATRIX": ("PE()", values)})
    with pytest.warns(GammafoldWarning, match=r"already contains the effective area.*src.arf is left out"):
        observation = read_ogip(observation_files)
    assert observation.arf is None
    assert observation.rmf.contains_area


def test_area_on_other_energies(observation_files, make_arf):
    make_arf(columns={"ENERG_LO": ("D", [0.7, 1, 2, 4], "keV")})
    with pytest.raises(
        FileFormatError, match=r"src.arf\[SPECRESP\] and .*src.rmf\[MATRIX\] differ in ENERG_LO .*row 1"
    ):
        read_ogip(observation_files)
    keys = ("ENERG_LO", "ENERG_HI", "SPECRESP")
    make_arf(columns=dict(zip(keys, [("D", [1.0], "keV"), ("D", [2.0], "keV"), ("D", [2.0], "cm2")], strict=True)))
    with pytest.raises(FileFormatError, match=r"has 1 energies, .* has 4: they do not belong together"):
        read_ogip(observation_files)


def test_channels_off_by_one_are_matched_aloud(observation_files, make_rmf, expected_matrix):
    make_rmf(base=0, tlmin=0)
    with pytest.warns(GammafoldWarning, match=r"counts channels from 1, .*src.rmf from 0 \(TLMIN4 of F_CHAN\)"):
        observation = read_ogip(observation_files)
    np.testing.assert_allclose(observation.rmf.matrix, expected_matrix, rtol=1e-6)
    np.testing.assert_array_equal(observation.ebounds.channel, np.arange(1, 7))
    assert observation.rmf.first_channel == 1


def test_spectrum_of_some_channels(observation_files, make_pha, expected_matrix):
    columns = {"CHANNEL": ("I", [2, 3, 5]), "COUNTS": ("J", [1, 2, 3])}
    make_pha(columns=columns, name="bkg.pha")
    observation = read_ogip(make_pha(columns=columns, keywords=COMPANIONS))
    np.testing.assert_allclose(observation.rmf.matrix, expected_matrix[:, [1, 2, 4]], rtol=1e-6)
    np.testing.assert_array_equal(observation.ebounds.channel, [2, 3, 5])


def test_spectrum_of_channels_that_the_matrix_lacks(observation_files, make_pha):
    columns = {"CHANNEL": ("I", [5, 6, 7]), "COUNTS": ("J", [1, 2, 3])}
    with pytest.raises(FileFormatError, match=r"channels 5 to 7 \(column CHANNEL\) do not lie in 1 to 6, those of"):
        read_ogip(make_pha(columns=columns, keywords=COMPANIONS))


def test_own_energies_must_be_those_of_the_matrix(observation_files, make_pha, make_table):
    columns = {
        "CHANNEL": ("I", np.arange(1, 7)),
        "E_MIN": ("D", np.arange(1.0, 7.0), "TeV"),
        "E_MAX": ("D", np.arange(2.0, 8.0), "TeV"),
    }
    path = make_pha(keywords=COMPANIONS, extra=(make_table("EBOUNDS", columns, {}),))
    with pytest.raises(FileFormatError, match=r"src.pha\[EBOUNDS\] and .*src.rmf\[EBOUNDS\] differ in E_MIN, row 1"):
        read_ogip(path)


def test_background_of_other_channels(observation_files, make_pha):
    make_pha(columns={"CHANNEL": ("I", np.arange(6)), **OFF}, name="bkg.pha")
    with pytest.warns(GammafoldWarning, match=r"bkg.pha\[SPECTRUM\] counts channels from 0, .*src.pha from 1"):
        assert read_ogip(observation_files).background.channel[0] == 1
    make_pha(columns={"CHANNEL": ("I", [1, 2]), "COUNTS": ("J", [1, 2])}, name="bkg.pha")
    with pytest.raises(FileFormatError, match=r"bkg.pha\[SPECTRUM\] has 2 channels, .*src.pha\[SPECTRUM\] has 6"):
        read_ogip(observation_files)


def test_background_takes_the_bins_of_the_source(observation_files, make_pha):
    flags = [1, -1, 1, -1, -1, 1]
    path = make_pha(columns={"GROUPING": ("I", flags)}, keywords=COMPANIONS)
    make_pha(columns=OFF | {"GROUPING": ("I", [1, -1, -1, -1, -1, -1])}, name="bkg.pha")
    np.testing.assert_array_equal(read_ogip(path).background.grouping, flags)


def test_background_read_as_a_spectrum_is_said(make_pha, make_rmf, make_arf):
    make_rmf()
    make_arf()
    with pytest.warns(GammafoldWarning, match="HDUCLAS2 = BKG, this is a background"):
        read_ogip(make_pha(keywords=COMPANIONS | {"HDUCLAS2": "BKG", "BACKFILE": "none"}))


def test_type_two_with_a_background_of_type_one(make_pha, make_rmf, make_arf):
    make_rmf()
    make_arf()
    make_pha(columns=OFF, keywords={"HDUCLAS2": "BKG"}, name="bkg.pha")
    path = make_pha(
        columns={
            "CHANNEL": ("6I", np.tile(np.arange(1, 7), (2, 1))),
            "COUNTS": ("6J", np.arange(12).reshape(2, 6)),
        },
        keywords=COMPANIONS,
    )
    observation = read_ogip(path, spectrum_number=2)
    np.testing.assert_array_equal(observation.spectrum.counts, np.arange(6, 12))
    np.testing.assert_array_equal(observation.background.counts, OFF["COUNTS"][1])


def test_names_of_companions(tmp_path):
    assert is_unset(None)
    assert is_unset(" None ")
    assert not is_unset("nonesuch.arf")
    assert split_row("a.pha{12}") == ("a.pha", 12)
    literal = tmp_path / "odd[1]"
    literal.write_bytes(b"")
    assert split_row(literal) == (str(literal), None)
    assert resolve("~nobody-of-this-name/a.arf", tmp_path / "a.pha") is None
    assert resolve("a\0b", tmp_path / "a.pha") is None
    assert resolve("/", tmp_path / "a.pha") is None
    (tmp_path / "many.pha.gz").write_bytes(b"")
    assert resolve("many.pha{2}", tmp_path / "a.pha") == tmp_path / "many.pha.gz{2}"
    assert locate(tmp_path / "many.pha") == tmp_path / "many.pha.gz"


def test_crab_observations():
    observations = [read_ogip(path) for path in sample_files("crab-hess")]
    assert [one.background.counts.sum() for one in observations] == [229, 217, 507, 545]
    np.testing.assert_allclose([one.background_scale()[0] for one in observations], [1 / 12, 1 / 12, 1 / 40, 1 / 40])
    for one in observations:
        np.testing.assert_allclose(one.arf.energy_lo, one.rmf.energy_lo, rtol=1e-6)


def test_several_responses_add_up(observation_files, make_rmf, make_arf, expected_matrix):
    second = make_arf(columns={"SPECRESP": ("D", [1, 2, 3, 4], "cm2")}, name="second.arf")
    matrix = make_rmf(name="second.rmf")
    first = [observation_files.with_name(name) for name in ("src.rmf", "src.arf")]
    observation = read_ogip(observation_files, rmf=[first[0], matrix], arf=[first[1], second])
    assert observation.arf is None
    assert observation.rmf.contains_area
    np.testing.assert_allclose(
        observation.rmf.matrix, expected_matrix * np.array([[11.0], [22], [33], [44]]), rtol=1e-6
    )
    assert "the responses of 2 matrices added up" in observation.notes[-1]
    with pytest.raises(InputError, match="2 matrices and 1 areas; one area is needed for each"):
        read_ogip(observation_files, rmf=[first[0], matrix], arf=[second])
    with pytest.raises(InputError, match="one of several matrices, without an effective area of its own"):
        read_ogip(observation_files, rmf=[first[0], matrix], arf=[second, False])
    with pytest.raises(InputError, match="'none' among several matrices names no file"):
        read_ogip(observation_files, rmf=[first[0], "none"], arf=[second, second])


# Larger data that are not part of the package.

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.mark.shared
@pytest.mark.parametrize("name", ["fact", "fermi", "hess", "magic", "veritas"])
def test_every_instrument_of_the_joint_crab(name):
    folder = SHARED / "joint-crab" / "spectra" / name
    if not folder.is_dir():
        pytest.skip("no shared data")
    for path in sorted(folder.glob("pha_*.fits")):
        observation = read_ogip(path)
        assert observation.background.counts.sum() > 0
        assert observation.arf.area.max() > 1e8
        total = observation.rmf.matrix.sum(axis=1)
        assert total.max() == pytest.approx(1, abs=1e-6)


@pytest.mark.shared
def test_chandra_3c273_gives_the_statistic_that_sherpa_gives():
    path = SHARED / "ogip-xray" / "3c273.pi"
    if not path.is_file():
        pytest.skip("no shared data")
    with pytest.warns(GammafoldWarning, match="POISSERR = F, but STAT_ERR is the one of Poisson counts"):
        observation = read_ogip(path)
    assert observation.rmf.base_source == "TLMIN4 of F_CHAN"
    low, high = observation.rmf.energy_lo, observation.rmf.energy_hi
    index, norm = 1.89504, 1.82141e-4
    flux = norm / (1 - index) * (high ** (1 - index) - low ** (1 - index))
    npred = (flux * observation.arf.area) @ observation.rmf.matrix * observation.spectrum.exposure
    on, off, alpha = observation.spectrum.counts, observation.background.counts, observation.background_scale()
    used = (observation.ebounds.energy_max > 0.5) & (observation.ebounds.energy_min < 7)
    assert used.sum() == 446
    assert wstat(on, off, alpha, npred)[used].sum() == pytest.approx(497.532, abs=2e-3)


def wstat(on, off, alpha, npred):
    """Return the W statistic, as in the XSPEC manual, appendix B."""
    from scipy.special import xlogy

    linear = alpha * (on + off) - (1 + alpha) * npred
    mu_off = (linear + np.sqrt(linear**2 + 4 * alpha * (alpha + 1) * off * npred)) / (2 * alpha * (alpha + 1))
    total = npred + alpha * mu_off
    expected = total + mu_off - on - off
    return 2 * (
        expected
        - xlogy(on, total / np.where(on > 0, on, 1))
        - xlogy(off, np.where(off > 0, mu_off / np.where(off > 0, off, 1), 1))
    )
