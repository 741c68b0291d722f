from __future__ import annotations

import gzip

import numpy as np
import pytest

from gammafold.data.ogip import read_pha
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, GammafoldWarning

COUNTS = np.array([3.0, 0, 5, 2, 7, 1])


def test_plain_spectrum(make_pha):
    spectrum = read_pha(make_pha())
    np.testing.assert_array_equal(spectrum.counts, COUNTS)
    np.testing.assert_array_equal(spectrum.channel, np.arange(1, 7))
    assert spectrum.counts.dtype == np.float64
    assert spectrum.exposure == 100.0
    assert spectrum.poisson
    assert spectrum.counts_error is None
    np.testing.assert_array_equal(spectrum.backscal, np.full(6, 0.5))
    assert (spectrum.background_files, spectrum.response_file, spectrum.ancillary_file) == ((), None, None)
    assert spectrum.grouping is None
    assert spectrum.is_good.all()
    assert spectrum.header["HDUCLAS2"] == "TOTAL"
    assert "TTYPE1" not in spectrum.header
    assert spectrum.notes == ()


def test_each_quantity_may_be_a_column(make_pha):
    scale = np.array([1.0, 2, 0, 4, 5, 6])
    path = make_pha(
        columns={
            "EXPOSURE": ("D", np.full(6, 50.0)),
            "BACKSCAL": ("E", scale),
            "AREASCAL": ("E", np.array([1.0, 0, 1, 1, 1, 1])),
            "QUALITY": ("I", np.array([0, 0, 0, 5, 2, -1])),
            "GROUPING": ("I", np.array([1, -1, 0, 1, -1, -1])),
            "SYS_ERR": ("E", np.full(6, 0.125)),
        },
        drop=(),
    )
    spectrum = read_pha(path)
    assert spectrum.exposure == 50.0
    np.testing.assert_array_equal(spectrum.backscal, scale)
    np.testing.assert_array_equal(spectrum.quality, [0, 0, 0, 5, 2, -1])
    np.testing.assert_array_equal(spectrum.grouping, [1, -1, 0, 1, -1, -1])
    np.testing.assert_array_equal(spectrum.sys_error, np.full(6, 0.125))
    np.testing.assert_array_equal(spectrum.is_good, [True, False, False, False, False, False])


def test_logical_quality_as_gammapy_writes_it(make_pha):
    spectrum = read_pha(make_pha(columns={"QUALITY": ("L", np.array([True, False, False, False, True, True]))}))
    np.testing.assert_array_equal(spectrum.is_good, [False, True, True, True, False, False])


def test_rates_become_counts_with_their_errors(make_pha):
    path = make_pha(
        columns={"RATE": ("E", COUNTS / 100), "STAT_ERR": ("E", np.full(6, 0.01))},
        keywords={"POISSERR": False, "HDUCLAS3": "RATE"},
        drop=("COUNTS",),
    )
    spectrum = read_pha(path)
    np.testing.assert_allclose(spectrum.counts, COUNTS, rtol=1e-6)
    np.testing.assert_allclose(spectrum.counts_error, 1.0, rtol=1e-6)
    assert spectrum.is_rate
    assert not spectrum.poisson


def test_rates_need_an_exposure(make_pha):
    path = make_pha(columns={"RATE": ("E", COUNTS / 100)}, keywords={"EXPOSURE": 0.0}, drop=("COUNTS",))
    with pytest.raises(FileFormatError, match=r"src.pha\[SPECTRUM\].*column RATE.*EXPOSURE above zero"):
        read_pha(path)


def test_poisson_errors_make_stat_err_irrelevant(make_pha):
    spectrum = read_pha(make_pha(columns={"STAT_ERR": ("E", np.full(6, 9.0))}))
    assert spectrum.poisson
    assert spectrum.counts_error is None


def test_stat_err_as_keyword(make_pha):
    spectrum = read_pha(make_pha(keywords={"POISSERR": False, "STAT_ERR": 2.0}))
    np.testing.assert_array_equal(spectrum.counts_error, np.full(6, 2.0))
    assert not spectrum.poisson
    assert spectrum.is_integral


def test_missing_poisserr_is_decided_aloud_or_by_argument(make_pha):
    path = make_pha(drop=("POISSERR",))
    with pytest.warns(GammafoldWarning, match="no keyword POISSERR; counts taken to be Poisson"):
        assert read_pha(path).poisson
    assert read_pha(path, poisson=True).poisson
    path = make_pha(drop=("POISSERR",), columns={"STAT_ERR": ("E", np.ones(6))})
    with pytest.warns(GammafoldWarning, match="counts taken to be Gaussian"):
        assert not read_pha(path).poisson


def test_poisserr_false_without_errors(make_pha):
    with pytest.warns(GammafoldWarning, match="POISSERR = F without STAT_ERR; whole counts"):
        assert read_pha(make_pha(keywords={"POISSERR": False})).poisson
    path = make_pha(columns={"COUNTS": ("E", COUNTS + 0.5)}, keywords={"POISSERR": False})
    with pytest.warns(GammafoldWarning, match="no errors known"):
        assert not read_pha(path).poisson


def test_fractional_poisson_counts_warn(make_pha):
    with pytest.warns(GammafoldWarning, match="not whole numbers"):
        spectrum = read_pha(make_pha(columns={"COUNTS": ("E", COUNTS + 0.5)}))
    np.testing.assert_array_equal(spectrum.counts, COUNTS + 0.5)


@pytest.mark.parametrize("said", ["T", "true", 1])
def test_poisserr_in_words(make_pha, said):
    assert read_pha(make_pha(keywords={"POISSERR": said})).poisson


def test_zero_based_channels_and_scaled_integers(make_pha):
    # astropy writes unsigned integers as signed ones with TZERO = 32768.
    path = make_pha(columns={"CHANNEL": ("I", np.arange(6)), "COUNTS": ("I", np.array([1, 2, 3, 4, 5, 60000], "u2"))})
    path = make_pha(
        columns={"CHANNEL": ("I", np.arange(6)), "COUNTS": ("J", np.array([1, 2, 3, 4, 5, 60000]))}, name="b.pha"
    )
    spectrum = read_pha(path)
    assert spectrum.channel[0] == 0
    assert spectrum.counts[-1] == 60000


def test_unsigned_columns(tmp_path, make_table):
    from astropy.io import fits

    column = fits.Column("COUNTS", "I", bzero=32768, array=np.array([0, 40000, 65535], "u2"))
    hdu = fits.BinTableHDU.from_columns([fits.Column("CHANNEL", "I", array=[1, 2, 3]), column], name="SPECTRUM")
    hdu.header.update({"POISSERR": True, "EXPOSURE": 1.0, "BACKSCAL": 1.0, "AREASCAL": 1.0})
    hdu.writeto(tmp_path / "u.pha")
    np.testing.assert_array_equal(read_pha(tmp_path / "u.pha").counts, [0, 40000, 65535])


def test_chandra_swaps_two_class_keywords(make_pha):
    assert read_pha(make_pha(keywords={"HDUCLAS3": "TYPE:I", "HDUCLAS4": "COUNT"})).counts.sum() == 18


def test_found_by_class_where_the_name_is_another(make_pha):
    assert read_pha(make_pha(extname="PHA")).extension == "PHA"


def test_no_spectrum_in_file(make_pha):
    path = make_pha(extname="EVENTS", keywords={"HDUCLAS1": "EVENTS"})
    with pytest.raises(FileFormatError, match=r"src.pha: no extension SPECTRUM.*there are \['EVENTS'\]"):
        read_pha(path)


def test_several_spectra_extensions(make_pha, make_table):
    extra = make_table("SPECTRUM", {"CHANNEL": ("I", [1, 2]), "COUNTS": ("J", [1, 2])}, {"HDUCLAS1": "SPECTRUM"})
    with pytest.warns(GammafoldWarning, match="2 SPECTRUM extensions; the first is read"):
        assert read_pha(make_pha(extra=(extra,))).counts.size == 6


def test_net_spectrum_is_reported(make_pha):
    path = make_pha(
        columns={"COUNTS": ("E", COUNTS - 2)},
        keywords={"HDUCLAS2": "NET", "POISSERR": False, "STAT_ERR": 1.0},
    )
    with pytest.warns(GammafoldWarning, match="HDUCLAS2 = NET, the background is already subtracted"):
        spectrum = read_pha(path)
    assert spectrum.kind == "NET"
    assert spectrum.counts.min() == -2


@pytest.mark.parametrize("keyword", ["HDUCLAS3", "HDUCLAS4"])
def test_a_header_of_rates_above_counts_is_reported(make_pha, keyword):
    spectrum = read_pha(make_pha(keywords={keyword: "RATE"}))
    np.testing.assert_array_equal(spectrum.counts, COUNTS)
    assert any(f"{keyword} = RATE, but the column is COUNTS, which is believed" in note for note in spectrum.notes)


def test_missing_exposure_and_backscal(make_pha):
    with pytest.warns(GammafoldWarning, match="no EXPOSURE; LIVETIME = 7 s"):
        assert read_pha(make_pha(keywords={"LIVETIME": 7.0}, drop=("EXPOSURE",))).exposure == 7.0
    with pytest.warns(GammafoldWarning, match="set to 0 s"):
        assert read_pha(make_pha(drop=("EXPOSURE",))).exposure == 0.0
    with pytest.warns(GammafoldWarning, match="no BACKSCAL; 1 assumed"):
        assert read_pha(make_pha(drop=("BACKSCAL",))).backscal[0] == 1.0
    spectrum = read_pha(make_pha(drop=("AREASCAL",)))
    assert spectrum.notes == (f"{spectrum.path}[SPECTRUM]: no AREASCAL; 1 assumed",)


def test_scale_that_is_not_finite_is_masked(make_pha):
    with pytest.warns(GammafoldWarning, match="BACKSCAL = 0 in every channel; all are masked"):
        assert not read_pha(make_pha(keywords={"BACKSCAL": 0.0})).is_good.any()
    with pytest.warns(GammafoldWarning, match="BACKSCAL is not finite in 1 channels"):
        spectrum = read_pha(make_pha(columns={"BACKSCAL": ("E", [1, 1, np.nan, 1, 1, 1])}))
    np.testing.assert_array_equal(spectrum.is_good, [True, True, False, True, True, True])


def test_flags_that_ogip_does_not_know(make_pha):
    with pytest.warns(GammafoldWarning, match="QUALITY holds flags"):
        spectrum = read_pha(make_pha(columns={"QUALITY": ("I", [0, 99, 0, 0, 0, 0])}))
    assert spectrum.quality[1] == 5
    with pytest.warns(GammafoldWarning, match="keyword GROUPING = 3 has no meaning"):
        assert read_pha(make_pha(keywords={"GROUPING": 3})).grouping is None
    with pytest.warns(GammafoldWarning, match="GROUPING starts with -1"):
        spectrum = read_pha(make_pha(columns={"GROUPING": ("I", [-1, -1, 1, -1, 1, 1])}))
    assert spectrum.grouping[0] == 1


def test_detchans_and_corrfile(make_pha):
    with pytest.warns(GammafoldWarning, match="DETCHANS = 4, but there are 6 channels"):
        assert read_pha(make_pha(keywords={"DETCHANS": 4})).detchans == 6
    assert read_pha(make_pha(keywords={"DETCHANS": 1024})).detchans == 1024
    with pytest.warns(GammafoldWarning, match=r"CORRFILE = cor.pha is not applied"):
        read_pha(make_pha(keywords={"CORRFILE": "cor.pha"}))


def test_no_channel_column(make_pha):
    with pytest.warns(GammafoldWarning, match="no column CHANNEL; channels are counted from 1"):
        np.testing.assert_array_equal(read_pha(make_pha(drop=("CHANNEL",))).channel, np.arange(1, 7))


@pytest.mark.parametrize(
    ("columns", "keywords", "message"),
    [
        ({"COUNTS": ("E", [1, np.nan, 2, 3, 4, 5])}, {}, r"src.pha\[SPECTRUM\]: column COUNTS is not finite.*row 2"),
        ({"COUNTS": ("J", [1, -4, 2, 3, 4, 5])}, {}, "COUNTS is negative .-4. in channel row 2"),
        ({"COUNTS": ("3A", ["a"] * 6)}, {}, "column COUNTS must hold numbers"),
        ({"CHANNEL": ("I", [1, 2, 2, 3, 4, 5])}, {}, "column CHANNEL must ascend, but 2 follows 2"),
        ({"CHANNEL": ("E", [1, 2, 2.5, 3, 4, 5])}, {}, "column CHANNEL must hold integers"),
        ({"CHANNEL": ("3A", ["a"] * 6)}, {}, "column CHANNEL must hold 6 numbers"),
        ({"GROUPING": ("I", [1, 7, 2, 3, 4, 5])}, {}, "column GROUPING must hold 1, -1 and 0 only"),
        ({"BACKSCAL": ("E", [1, -1, 1, 1, 1, 1])}, {}, "BACKSCAL is negative"),
        ({"EXPOSURE": ("E", [1, 2, 1, 1, 1, 1])}, {}, "column EXPOSURE differs between channels"),
        ({"QUALITY": ("2I", np.zeros((6, 2)))}, {}, "column QUALITY must hold one number per row"),
        ({"SYS_ERR": ("E", [1, -1, 1, 1, 1, 1])}, {}, "SYS_ERR is negative"),
        ({"STAT_ERR": ("E", [1, -1, 1, 1, 1, 1])}, {}, "STAT_ERR is negative"),
        ({}, {"EXPOSURE": -5.0}, "EXPOSURE = -5 s is negative"),
        ({}, {"EXPOSURE": 1e31}, "EXPOSURE = 1e.31 s is absurdly large"),
        ({"COUNTS": ("D", [1e300, 1, 2, 3, 4, 5])}, {}, "column COUNTS is absurdly large: 1e.300 in row 1"),
        ({}, {"EXPOSURE": "long"}, "keyword EXPOSURE = 'long' is not a finite number"),
        ({}, {"POISSERR": "maybe"}, "keyword POISSERR = 'maybe' must be T or F"),
        ({}, {"DETCHANS": 1.5}, "keyword DETCHANS = 1.5 must be a number of channels"),
    ],
)
def test_absurd_values_are_named(make_pha, columns, keywords, message):
    with pytest.raises(FileFormatError, match=message):
        read_pha(make_pha(columns=columns, keywords=keywords))


def test_no_counts_at_all(make_pha):
    with pytest.raises(FileFormatError, match="neither column COUNTS nor RATE"):
        read_pha(make_pha(drop=("COUNTS",)))


def test_undefined_integers(tmp_path):
    from astropy.io import fits

    columns = [fits.Column("CHANNEL", "I", array=[1, 2]), fits.Column("COUNTS", "J", null=-99, array=[3, -99])]
    hdu = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    hdu.writeto(tmp_path / "null.pha")
    with pytest.raises(FileFormatError, match=r"column COUNTS has undefined values \(TNULL = -99\)"):
        read_pha(tmp_path / "null.pha")


# Type II


@pytest.fixture
def type_two(make_pha):
    counts = np.array([[1, 2, 3], [4, 5, 6]])
    return make_pha(
        columns={
            "SPEC_NUM": ("I", [3, 7]),
            "CHANNEL": ("3I", np.tile([1, 2, 3], (2, 1))),
            "COUNTS": ("3J", counts),
            "EXPOSURE": ("D", [10.0, 20.0]),
            "BACKSCAL": ("3E", [[1, 1, 1], [2, 3, 0]]),
            "QUALITY": ("I", [0, 2]),
            "RESPFILE": ("8A", ["one.rmf", "none"]),
            "BACKGROUND_UP": ("3J", counts * 10),
            "BACKGROUND_DOWN": ("3J", counts * 20),
        },
        keywords={"HDUCLAS4": "TYPE:II", "BACKSCUP": 4.0, "BACKSCDN": 8.0, "DETCHANS": 3},
    )


def test_type_two_by_number_and_by_name(type_two):
    spectrum = read_pha(type_two, spectrum_number=7)
    np.testing.assert_array_equal(spectrum.counts, [4, 5, 6])
    assert spectrum.exposure == 20.0
    np.testing.assert_array_equal(spectrum.backscal, [2, 3, 0])
    np.testing.assert_array_equal(spectrum.quality, [2, 2, 2])
    assert spectrum.response_file is None
    first = read_pha(f"{type_two}{{3}}")
    np.testing.assert_array_equal(first.counts, [1, 2, 3])
    assert first.response_file == "one.rmf"
    assert read_pha(f"{type_two}[7]").exposure == 20.0


def test_type_two_backgrounds_in_the_table(type_two):
    up, down = read_pha(type_two, 3).embedded_backgrounds
    np.testing.assert_array_equal(up.counts, [10, 20, 30])
    np.testing.assert_array_equal(down.backscal, [8, 8, 8])
    assert up.kind == "BKG"


def test_type_two_must_be_chosen(type_two):
    with pytest.raises(FileFormatError, match=r"2 spectra.*spectrum_number: 3, 7"):
        read_pha(type_two)
    with pytest.raises(FileFormatError, match="0 spectra of number 1; there are 3, 7"):
        read_pha(type_two, 1)


def test_type_one_holds_one_spectrum(make_pha):
    with pytest.raises(FileFormatError, match=r"one spectrum \(type I\); there is no spectrum 2"):
        read_pha(make_pha(), 2)


def test_type_two_of_variable_length(make_pha):
    values = np.empty(2, object)
    values[:] = [np.array([1, 2], "i4"), np.array([3, 4, 5], "i4")]
    path = make_pha(columns={"COUNTS": ("PJ()", values)}, drop=("CHANNEL",))
    with pytest.warns(GammafoldWarning, match="no column CHANNEL"):
        np.testing.assert_array_equal(read_pha(path, 2).counts, [3, 4, 5])


# Files


def test_gzipped_file_is_found_and_read(make_pha):
    path = make_pha()
    path.with_name("src.pha.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert read_pha(path).counts.sum() == 18


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(FileFormatError, match=r"no such file: .*nope.pha \(nor nope.pha.gz\)"):
        read_pha(tmp_path / "nope.pha")
    text = tmp_path / "text.pha"
    text.write_text("counts: 3")
    with pytest.raises(FileFormatError, match=r"text.pha is not a FITS file"):
        read_pha(text)


def test_truncated_files(make_pha):
    data = make_pha().read_bytes()
    for length, message in [
        (2880 + 1000, "header of extension 1 has no END"),
        (2 * 2880 + 10, r"\[SPECTRUM\] is truncated"),
    ]:
        path = make_pha(name="cut.pha")
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=f"cut.pha.*{message}"):
            read_pha(path)


@pytest.mark.parametrize(
    ("card", "value", "message"),
    [
        ("GCOUNT", "0", "a table must have NAXIS = 2, BITPIX = 8 and GCOUNT = 1"),
        ("BITPIX", "16", "a table must have NAXIS = 2, BITPIX = 8 and GCOUNT = 1"),
        ("BITPIX", "9", "keyword BITPIX = 9 must be 8, 16"),
        ("NAXIS1", "7", "the TFORMn add up to 6 bytes a row, NAXIS1 says 7"),
        ("NAXIS2", "-3", "keyword NAXIS2 = -3 must be a natural number"),
        ("NAXIS2", "T", "keyword NAXIS2 = True must be a natural number"),
        ("TFIELDS", "1000", "keyword TFIELDS = 1000 is more than 999"),
        ("NAXIS", "1000", "keyword NAXIS = 1000 is more than 999"),
        ("TFORM2", "'Y'", "keyword TFORM2 = 'Y' is no format"),
        ("TFORM2", "'2X'", "the TFORMn add up to 3 bytes"),
        ("TTYPE2", "'CHANNEL'", "two columns are named CHANNEL"),
    ],
)
def test_layout_that_contradicts_itself(make_pha, card, value, message):
    path = make_pha()
    data = path.read_bytes()
    at = data.index(f"{card:8s}= ".encode(), 2880)
    path.write_bytes(data[: at + 10] + value.ljust(70).encode() + data[at + 80 :])
    with pytest.raises(FileFormatError, match=rf"src.pha\[SPECTRUM\]: {message}"):
        read_pha(path)


def test_truncated_gzip(make_pha):
    path = make_pha()
    path.write_bytes(gzip.compress(path.read_bytes())[:200])
    with pytest.raises(FileFormatError, match=r"src.pha is truncated or damaged"):
        read_pha(path)


def test_checksum_of_the_data_is_looked_at(make_pha):
    from astropy.io import fits

    path = make_pha()
    with fits.open(path) as hdus:
        hdus.writeto(path, overwrite=True, checksum=True)
    assert read_pha(path).notes == ()
    data = bytearray(path.read_bytes())
    data[-2880 + 5] ^= 1
    path.write_bytes(bytes(data))
    with pytest.warns(GammafoldWarning, match=r"do not fit the keyword DATASUM"):
        read_pha(path)


def test_trailing_bytes_are_said(make_pha):
    path = make_pha()
    path.write_bytes(path.read_bytes() + b"garbage")
    with pytest.warns(GammafoldWarning, match="7 bytes after extension 1"):
        assert read_pha(path).counts.sum() == 18


def test_long_and_quoted_strings(make_pha):
    name = "a-very-long-folder-name/" * 5 + "it's.rmf"
    assert read_pha(make_pha(keywords={"RESPFILE": name})).response_file == name


def test_good_time_intervals_are_carried(make_pha, make_table):
    gti = make_table(
        "GTI",
        {"START": ("D", [1.0, 5.0], "s"), "STOP": ("D", [2.0, 9.0], "s")},
        {"MJDREFI": 51910, "MJDREFF": 0.5, "TIMESYS": "TT"},
    )
    spectrum = read_pha(make_pha(extra=(gti, gti)))
    assert spectrum.gti is not None
    np.testing.assert_array_equal(spectrum.gti.columns["STOP"], [2.0, 9.0])
    assert spectrum.gti.units == {"START": "s", "STOP": "s"}
    assert spectrum.gti.header["MJDREFI"] == 51910
    assert "2 GTI extensions" in spectrum.notes[0]


def test_energies_in_the_spectrum_file(make_pha, make_table):
    columns = {
        "CHANNEL": ("I", np.arange(1, 7)),
        "E_MIN": ("D", np.arange(1.0, 7.0), "TeV"),
        "E_MAX": ("D", np.arange(2.0, 8.0), "TeV"),
    }
    spectrum = read_pha(make_pha(extra=(make_table("EBOUNDS", columns, {}),)))
    np.testing.assert_allclose(spectrum.ebounds.energy_min, np.arange(1, 7) * 1e9)
    columns = {key: (form, values[:4], *unit) for key, (form, values, *unit) in columns.items()}
    with pytest.raises(FileFormatError, match=r"\[EBOUNDS\]: has 4 channels, the spectrum has 6"):
        read_pha(make_pha(extra=(make_table("EBOUNDS", columns, {}),)))


def test_crab_spectra_have_the_published_counts():
    spectra = [read_pha(path) for path in sample_files("crab-hess")]
    assert [spectrum.counts.sum() for spectrum in spectra] == [189, 199, 168, 142]
    assert [int(spectrum.is_good.sum()) for spectrum in spectra] == [41, 43, 43, 41]
    assert all(spectrum.notes == () for spectrum in spectra)


def test_take_keeps_everything_in_step(make_pha):
    spectrum = read_pha(make_pha()).take(slice(2, 4))
    np.testing.assert_array_equal(spectrum.counts, [5, 2])
    np.testing.assert_array_equal(spectrum.channel, [3, 4])


def test_scaled_columns(tmp_path):
    from astropy.io import fits

    columns = [fits.Column("CHANNEL", "I", array=[1, 2, 3]), fits.Column("RATE", "I", array=[0, 1, 6])]
    hdu = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    hdu.header.update({"POISSERR": True, "EXPOSURE": 10.0, "BACKSCAL": 1.0, "AREASCAL": 1.0})
    hdu.writeto(tmp_path / "s.pha")
    # Keywords are set in the file, because astropy would scale the numbers that it is given.
    data = (tmp_path / "s.pha").read_bytes()
    blank = b" " * 160
    cards = (f"{'TSCAL2':8s}= {'0.5':>20s}".ljust(80) + f"{'TZERO2':8s}= {'1.0':>20s}".ljust(80)).encode()
    end = data.index(b"END" + b" " * 77, 2880)
    data = data[:end] + cards + data[end : end + 80] + data[end + 80 + len(blank) :]
    (tmp_path / "s.pha").write_bytes(data)
    np.testing.assert_allclose(read_pha(tmp_path / "s.pha").counts, [10, 15, 40])


def test_zero_exposure_is_noted(make_pha):
    spectrum = read_pha(make_pha(keywords={"EXPOSURE": 0.0}))
    assert "EXPOSURE = 0" in spectrum.notes[0]


def test_grouping_flags_that_group_nothing(make_pha):
    assert read_pha(make_pha(columns={"GROUPING": ("I", [1, 0, 1, 1, 0, 1])})).grouping is None


@pytest.mark.parametrize(
    ("columns", "drop", "number", "message"),
    [
        ({"COUNTS": ("C", np.zeros(6))}, (), None, "column COUNTS has format C, which is not a number"),
        (
            {"COUNTS": ("3J", np.zeros((2, 3))), "CHANNEL": ("4I", np.zeros((2, 4)))},
            (),
            1,
            "column CHANNEL has 4 values",
        ),
        (
            {"COUNTS": ("3J", np.zeros((2, 3))), "EXPOSURE": ("2A", ["a", "b"])},
            (),
            1,
            "column EXPOSURE must hold numbers",
        ),
        (
            {"COUNTS": ("3J", np.zeros((2, 3))), "SPEC_NUM": ("2I", np.zeros((2, 2)))},
            (),
            1,
            "column SPEC_NUM must hold",
        ),
        ({"COUNTS": ("J", []), "CHANNEL": ("I", [])}, (), None, "column COUNTS is empty: there are no channels"),
    ],
)
def test_columns_of_the_wrong_kind(make_pha, columns, drop, number, message):
    with pytest.raises(FileFormatError, match=message):
        read_pha(make_pha(columns=columns, drop=drop), number)


def test_rows_of_variable_length_that_are_empty_or_no_numbers(make_pha):
    values = np.empty(2, object)
    values[:] = [np.array([], "i4"), np.array([3, 4, 5], "i4")]
    with pytest.raises(FileFormatError, match="column COUNTS is empty in row 1"):
        read_pha(make_pha(columns={"COUNTS": ("PJ()", values)}, drop=("CHANNEL",)), 1)
    values[:] = [np.array([1j, 2], "c8"), np.array([3, 4, 5], "c8")]
    with pytest.raises(FileFormatError, match="column COUNTS has format PC, which is not a number"):
        read_pha(make_pha(columns={"COUNTS": ("PC()", values)}, drop=("CHANNEL",)), 1)
