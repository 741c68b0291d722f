from __future__ import annotations

import numpy as np
import pytest

from gammafold.data.ogip import read_arf, read_rmf
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, GammafoldWarning, InputError

FOLDER = sample_files("crab-hess")[0].parent


def ragged(lists, dtype):
    result = np.empty(len(lists), object)
    result[:] = [np.array(one, dtype) for one in lists]
    return result


@pytest.mark.parametrize("layout", ["variable", "padded"])
@pytest.mark.parametrize("base", [0, 1, 5])
def test_layouts_and_bases_give_the_same_matrix(make_rmf, expected_matrix, layout, base):
    rmf = read_rmf(make_rmf(base=base, tlmin=base, layout=layout))
    np.testing.assert_allclose(rmf.matrix, expected_matrix, rtol=1e-6)
    assert rmf.matrix.dtype == np.float64
    assert (rmf.first_channel, rmf.base_source) == (base, "TLMIN4 of F_CHAN")
    np.testing.assert_array_equal(rmf.ebounds.channel, np.arange(base, base + 6))
    assert not rmf.contains_area
    assert rmf.notes == ()


def test_base_from_ebounds_tlmin_then_from_labels(make_rmf, expected_matrix):
    rmf = read_rmf(make_rmf(base=0, tlmin=None, ebounds_tlmin=0))
    assert (rmf.first_channel, rmf.base_source) == (0, "TLMIN1 of CHANNEL in EBOUNDS")
    np.testing.assert_allclose(rmf.matrix, expected_matrix, rtol=1e-6)
    rmf = read_rmf(make_rmf(base=3, tlmin=None))
    assert (rmf.first_channel, rmf.base_source) == (3, "first CHANNEL of EBOUNDS (no TLMIN)")
    np.testing.assert_allclose(rmf.matrix, expected_matrix, rtol=1e-6)


def test_base_assumed_aloud_where_nothing_tells(make_rmf, expected_matrix):
    with pytest.warns(GammafoldWarning, match="the first channel is taken to be 1"):
        rmf = read_rmf(make_rmf(tlmin=None, drop=("CHANNEL",)))
    assert rmf.base_source.startswith("assumed")
    np.testing.assert_allclose(rmf.matrix, expected_matrix, rtol=1e-6)


def test_labels_all_zero_lose_against_tlmin(make_rmf, expected_matrix):
    with pytest.warns(GammafoldWarning, match="CHANNEL holds 0 to 0, which contradicts the first channel 1"):
        rmf = read_rmf(make_rmf(labels=np.zeros(6, int)))
    np.testing.assert_array_equal(rmf.ebounds.channel, np.arange(1, 7))
    np.testing.assert_allclose(rmf.matrix, expected_matrix, rtol=1e-6)


def test_scalar_group_columns(make_rmf):
    rmf = read_rmf(
        make_rmf(
            columns={
                "N_GRP": ("I", [1, 1, 1, 0]),
                "F_CHAN": ("I", [1, 2, 3, 0]),
                "N_CHAN": ("I", [2, 2, 4, 0]),
                "MATRIX": ("4E", [[0.5, 0.5, 0, 0], [0.2, 0.8, 9, 9], [0.1, 0.2, 0.3, 0.4], [9, 9, 9, 9]]),
            }
        )
    )
    expected = [[0.5, 0.5, 0, 0, 0, 0], [0, 0.2, 0.8, 0, 0, 0], [0, 0, 0.1, 0.2, 0.3, 0.4], [0] * 6]
    np.testing.assert_allclose(rmf.matrix, expected, rtol=1e-6)


def test_one_element_a_row(make_rmf):
    columns = {"N_GRP": ("I", [1] * 4), "F_CHAN": ("I", [1, 2, 3, 4]), "N_CHAN": ("I", [1] * 4)}
    rmf = read_rmf(make_rmf(columns=columns | {"MATRIX": ("E", [1, 1, 1, 1])}))
    np.testing.assert_array_equal(rmf.matrix, np.eye(6)[:4])


def test_groups_without_channels(make_rmf):
    columns = {"N_GRP": ("I", [1, 1, 0, 0]), "F_CHAN": ("I", [0, 2, 0, 0]), "N_CHAN": ("I", [0, 1, 0, 0])}
    rmf = read_rmf(make_rmf(columns=columns | {"MATRIX": ("E", [7, 1, 7, 7])}))
    assert rmf.matrix.sum() == 1
    assert rmf.matrix[1, 1] == 1


def test_overlapping_groups_add_up(make_rmf):
    columns = {
        "N_GRP": ("I", [2, 0, 0, 0]),
        "F_CHAN": ("2I", [[1, 2], [0, 0], [0, 0], [0, 0]]),
        "N_CHAN": ("2I", [[2, 2], [0, 0], [0, 0], [0, 0]]),
        "MATRIX": ("4E", [[0.25, 0.25, 0.25, 0.25]] + [[0] * 4] * 3),
    }
    np.testing.assert_array_equal(read_rmf(make_rmf(columns=columns)).matrix[0], [0.25, 0.5, 0.25, 0, 0, 0])


def test_channels_past_sixteen_bits(make_rmf, make_table, tmp_path):
    n = 40000
    first = np.array([39000]).astype(np.uint16).astype(np.int16)
    path = make_rmf(
        columns={
            "ENERG_LO": ("E", [1.0], "keV"),
            "ENERG_HI": ("E", [2.0], "keV"),
            "N_GRP": ("I", [1]),
            "F_CHAN": ("I", first),
            "N_CHAN": ("I", [2]),
            "MATRIX": ("2E", [[0.5, 0.5]]),
        },
        keywords={"DETCHANS": n},
        ebounds={
            "CHANNEL": ("J", np.arange(1, n + 1)),
            "E_MIN": ("E", np.arange(1, n + 1) * 1e-3, "keV"),
            "E_MAX": ("E", np.arange(2, n + 2) * 1e-3, "keV"),
        },
    )
    rmf = read_rmf(path)
    np.testing.assert_array_equal(np.flatnonzero(rmf.matrix[0]), [38999, 39000])
    assert "overflows its 16 bits" in rmf.notes[0]


@pytest.mark.parametrize("extname", ["SPECRESP MATRIX", "AXAF_RMF", "RSP_MATRIX", "SPECTRESP MATRIX", "ODD"])
def test_extension_names(make_rmf, expected_matrix, extname):
    rmf = read_rmf(make_rmf(extname=extname))
    np.testing.assert_allclose(rmf.matrix, expected_matrix, rtol=1e-6)
    assert rmf.extension == extname
    assert not rmf.contains_area


def area_columns(scale):
    return {
        "MATRIX": ("PE()", ragged([[50 * scale, 150 * scale], [1, 2, 3, 2, 1], [4, 3, 2, 1], []], "f4")),
    }


@pytest.mark.parametrize(
    ("extname", "keywords"),
    [("SPECRESP MATRIX", {}), ("SPECRESP MATRIX", {"HDUCLAS3": "REDIST"}), ("MATRIX", {"HDUCLAS3": "FULL"})],
)
def test_area_inside(make_rmf, extname, keywords):
    rmf = read_rmf(make_rmf(extname=extname, keywords=keywords, columns=area_columns(1)))
    assert rmf.contains_area
    arf, unit = rmf.split_area()
    np.testing.assert_allclose(arf.area, [200, 9, 10, 0], rtol=1e-6)
    np.testing.assert_allclose(unit.matrix.sum(axis=1), [1, 1, 1, 0], rtol=1e-6)
    np.testing.assert_allclose(unit.matrix * arf.area[:, None], rmf.matrix, rtol=1e-6)
    assert not unit.contains_area


def test_area_inside_in_square_metres(make_rmf):
    form, values = area_columns(1)["MATRIX"]
    columns = {"MATRIX": (form, values, "m2")}
    rmf = read_rmf(make_rmf(extname="SPECRESP MATRIX", columns=columns))
    np.testing.assert_allclose(rmf.matrix[0, :2], [5e5, 15e5], rtol=1e-6)


def test_area_inside_against_the_keyword(make_rmf):
    with pytest.warns(GammafoldWarning, match="HDUCLAS3 = REDIST, but rows add up"):
        assert not read_rmf(make_rmf(keywords={"HDUCLAS3": "REDIST"}, columns=area_columns(1))).contains_area


def test_no_area_to_split(make_rmf):
    with pytest.raises(InputError, match="holds no effective area"):
        read_rmf(make_rmf()).split_area()


def test_energy_zero_becomes_tiny(make_rmf):
    rmf = read_rmf(make_rmf(columns={"ENERG_LO": ("E", [0, 1, 2, 4], "keV")}))
    assert 0 < rmf.energy_lo[0] <= 1e-10
    assert "ENERG_LO = 0 replaced" in rmf.notes[0]


def test_channel_that_reaches_below_zero(make_rmf):
    low = np.array([-0.1, 0.8, 1.2, 2.0, 3.0, 5.0])
    with pytest.warns(GammafoldWarning, match=r"\[EBOUNDS\]: E_MIN is negative in 1 rows"):
        rmf = read_rmf(make_rmf(ebounds={"E_MIN": ("D", low, "keV")}))
    assert 0 < rmf.ebounds.energy_min[0] <= 1e-10


@pytest.mark.parametrize(("unit", "factor"), [("MeV", 1e3), ("TeV", 1e9), ("GeV", 1e6), ("eV", 1e-3)])
def test_unit_of_the_energies_is_read(make_rmf, unit, factor):
    rmf = read_rmf(make_rmf(columns={"ENERG_LO": ("D", [1, 2, 3, 4], unit), "ENERG_HI": ("D", [2, 3, 4, 5], unit)}))
    np.testing.assert_allclose(rmf.energy_lo, np.array([1, 2, 3, 4]) * factor)
    np.testing.assert_allclose(rmf.ebounds.energy_min[0], 0.4, rtol=1e-6)


def test_unit_missing_or_foreign(make_rmf):
    with pytest.warns(GammafoldWarning, match="column ENERG_LO has no unit"):
        read_rmf(make_rmf(columns={"ENERG_LO": ("D", [0.5, 1, 2, 4])}))
    with pytest.raises(FileFormatError, match=r"\[MATRIX\]: column ENERG_LO has unit \(TUNIT\) 'Angstrom'"):
        read_rmf(make_rmf(columns={"ENERG_LO": ("D", [0.5, 1, 2, 4], "Angstrom")}))


def test_descending_channels_are_kept_and_can_be_turned(make_rmf, make_pha, make_arf):
    from gammafold.data.ogip import read_ogip

    low, high = np.arange(6, 0, -1.0), np.arange(7, 1, -1.0)
    make_rmf(ebounds={"E_MIN": ("D", low, "keV"), "E_MAX": ("D", high, "keV")})
    make_arf()
    path = make_pha(
        columns={"GROUPING": ("I", [1, -1, 0, 1, -1, -1])}, keywords={"RESPFILE": "src.rmf", "ANCRFILE": "src.arf"}
    )
    observation = read_ogip(path)
    assert observation.ebounds.is_descending
    turned = observation.ascending()
    np.testing.assert_array_equal(turned.ebounds.energy_min, np.arange(1, 7.0))
    np.testing.assert_array_equal(turned.spectrum.counts, observation.spectrum.counts[::-1])
    np.testing.assert_array_equal(turned.rmf.matrix, observation.rmf.matrix[:, ::-1])
    np.testing.assert_array_equal(turned.spectrum.grouping, [1, -1, -1, 0, 1, -1])


def test_descending_true_energies_can_be_turned(make_rmf, make_pha, make_arf):
    from gammafold.data.ogip import read_ogip

    energy = {"ENERG_LO": ("D", [4.0, 3, 2, 1], "keV"), "ENERG_HI": ("D", [5.0, 4, 3, 2], "keV")}
    make_rmf(columns=energy)
    make_arf(columns=energy)
    observation = read_ogip(make_pha(keywords={"RESPFILE": "src.rmf", "ANCRFILE": "src.arf"}))
    turned = observation.ascending()
    np.testing.assert_array_equal(turned.arf.area, [40, 30, 20, 10])
    np.testing.assert_array_equal(turned.rmf.matrix[-1], observation.rmf.matrix[0])
    np.testing.assert_array_equal(turned.rmf.energy_lo, [1, 2, 3, 4])


def test_swapped_bounds_are_put_right(make_rmf):
    columns = {"E_MIN": ("D", np.arange(2.0, 8), "keV"), "E_MAX": ("D", np.arange(1.0, 7), "keV")}
    rmf = read_rmf(make_rmf(ebounds=columns))
    np.testing.assert_array_equal(rmf.ebounds.energy_min, np.arange(1.0, 7))
    assert "swapped" in rmf.notes[0]


def second_matrix(make_table, energies, matrix, **keywords):
    n = len(matrix)
    return make_table(
        "MATRIX",
        {
            "ENERG_LO": ("D", energies[:-1], "keV"),
            "ENERG_HI": ("D", energies[1:], "keV"),
            "N_GRP": ("I", [1] * n),
            "F_CHAN": ("I", [1] * n),
            "N_CHAN": ("I", [6] * n),
            "MATRIX": ("6D", matrix),
        },
        {"TLMIN4": 1, "HDUCLAS1": "RESPONSE", "HDUCLAS2": "RSP_MATRIX"} | keywords,
    )


def test_several_matrices_are_added(make_rmf, make_table, expected_matrix):
    extra = second_matrix(make_table, [0.5, 2.0, 8.0], [[0.1] * 6, [0.2] * 6])
    path = make_rmf(extra=(extra,))
    rmf = read_rmf(path)
    np.testing.assert_allclose(rmf.matrix[:2], expected_matrix[:2] + 0.1, rtol=1e-6)
    np.testing.assert_allclose(rmf.matrix[2:], expected_matrix[2:] + 0.2, rtol=1e-6)
    assert "added" in rmf.notes[-1]
    np.testing.assert_allclose(read_rmf(path, extension=1).matrix, expected_matrix, rtol=1e-6)
    np.testing.assert_allclose(read_rmf(path, extension=2).matrix, [[0.1] * 6, [0.2] * 6])
    with pytest.raises(FileFormatError, match="no matrix 3; there are 2"):
        read_rmf(path, extension=3)


def test_several_matrices_that_do_not_fit(make_rmf, make_table):
    extra = second_matrix(make_table, [0.5, 3.0, 8.0], [[0.1] * 6, [0.2] * 6])
    with pytest.raises(FileFormatError, match="do not fit into each other"):
        read_rmf(make_rmf(extra=(extra,)))
    extra = second_matrix(make_table, [0.5, 2.0, 8.0], [[50.0] * 6, [60.0] * 6], HDUCLAS3="FULL")
    with pytest.raises(FileFormatError, match="only some contain the area"):
        read_rmf(make_rmf(extra=(extra,)))


@pytest.mark.parametrize(
    ("columns", "keywords", "message"),
    [
        (
            {"N_GRP": ("I", [1] * 4), "F_CHAN": ("I", [9, 1, 1, 1]), "N_CHAN": ("I", [1] * 4)},
            {},
            "row 1: 1 channels from 9 do not lie in the 6",
        ),
        (
            {"N_GRP": ("I", [1] * 4), "F_CHAN": ("J", [-9, 1, 1, 1]), "N_CHAN": ("I", [1] * 4)},
            {},
            "row 1: 1 channels from -9 do not lie",
        ),
        ({"N_GRP": ("I", [-1, 0, 0, 0])}, {}, "column N_GRP is negative in row 1"),
        ({"N_GRP": ("E", [0.5, 0, 0, 0])}, {}, "column N_GRP must hold integers"),
        ({"N_GRP": ("I", [5, 0, 0, 0])}, {}, "column F_CHAN, row 1: 5 values are announced, 1 are there"),
        ({"MATRIX": ("PE()", ragged([[1.0]] * 4, "f4"))}, {}, "column MATRIX, row 1: 2 values are announced, 1 are"),
        ({"MATRIX": ("7E", np.full((4, 7), np.nan))}, {}, "column MATRIX holds values that are not finite"),
        ({"MATRIX": ("4A", ["a"] * 4)}, {}, "column MATRIX must hold numbers"),
        ({"ENERG_LO": ("D", [0.5, 1, 9, 4], "keV")}, {}, "ENERG_LO, ENERG_HI, row 3: 9 to 4 keV is no energy bin"),
        ({"ENERG_LO": ("D", [0.5, 1, 0.7, 4], "keV")}, {}, "ENERG_LO is neither ascending nor descending at row 3"),
        ({"ENERG_LO": ("D", [np.nan, 1, 2, 4], "keV")}, {}, "column ENERG_LO is not finite: nan in row 1"),
        ({}, {"TLMIN4": "one"}, "keyword TLMIN4 = 'one' is not a finite number"),
        ({}, {"TLMIN4": 1.5}, "keyword TLMIN4 = 1.5 must be the number of the first channel"),
        ({}, {"TLMIN4": 2}, "row 1: 2 channels from 1 do not lie in the 6 channels from 2 on"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*contradicts the first channel")
def test_absurd_matrices_are_named(make_rmf, columns, keywords, message):
    with pytest.raises(FileFormatError, match=rf"src.rmf\[MATRIX\]: .*{message}"):
        read_rmf(make_rmf(columns=columns, keywords=keywords))


def test_full_matrix_of_little_area(make_rmf):
    rmf = read_rmf(make_rmf(keywords={"HDUCLAS3": "FULL"}))
    assert rmf.contains_area
    assert "HDUCLAS3 = FULL although no row adds up" in rmf.notes[0]


def test_matrix_too_large_for_memory(make_rmf, monkeypatch):
    monkeypatch.setattr("gammafold.data.ogip.rmf._LARGEST", 100)
    with pytest.raises(FileFormatError, match="a matrix of 4 energies and 6 channels is too large"):
        read_rmf(make_rmf())


def test_several_matrices_with_channels_of_their_own(make_rmf, make_table):
    columns = {"CHANNEL": ("I", [1, 2]), "E_MIN": ("D", [1.0, 2.0], "keV"), "E_MAX": ("D", [2.0, 3.0], "keV")}
    small = make_table(
        "MATRIX",
        {
            "ENERG_LO": ("D", [0.5], "keV"),
            "ENERG_HI": ("D", [8.0], "keV"),
            "N_GRP": ("I", [1]),
            "F_CHAN": ("I", [1]),
            "N_CHAN": ("I", [2]),
            "MATRIX": ("2D", [[0.5, 0.5]]),
        },
        {"TLMIN4": 1},
    )
    path = make_rmf(first=(small, make_table("EBOUNDS", columns, {})))
    with pytest.raises(FileFormatError, match="matrices with different channels"):
        read_rmf(path)
    assert read_rmf(path, extension=1).matrix.shape == (1, 2)
    assert read_rmf(path, extension=2).matrix.shape == (4, 6)


def test_missing_parts_are_named(make_rmf):
    with pytest.raises(FileFormatError, match=r"\[MATRIX\]: no column N_GRP"):
        read_rmf(make_rmf(drop=("N_GRP",)))
    with pytest.raises(FileFormatError, match=r"\[EBOUNDS\]: no column E_MIN"):
        read_rmf(make_rmf(drop=("E_MIN",)))
    with pytest.raises(FileFormatError, match="no extension MATRIX or SPECRESP MATRIX"):
        read_rmf(FOLDER / "arf_obs23523.fits")


def test_no_ebounds(tmp_path, make_rmf):
    from astropy.io import fits

    path = make_rmf()
    with fits.open(path) as hdus:
        fits.HDUList(hdus[:2]).writeto(tmp_path / "half.rmf")
    with pytest.raises(FileFormatError, match=r"half.rmf: no extension EBOUNDS"):
        read_rmf(tmp_path / "half.rmf")


def test_detchans_against_ebounds(make_rmf):
    with pytest.warns(GammafoldWarning, match="DETCHANS = 9, but EBOUNDS has 6 channels"):
        assert read_rmf(make_rmf(keywords={"DETCHANS": 9})).matrix.shape == (4, 6)


def test_negative_elements_warn(make_rmf):
    values = ragged([[1.1, -0.1], [0.1, 0.2, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1], []], "f4")
    with pytest.warns(GammafoldWarning, match="MATRIX holds negative values"):
        read_rmf(make_rmf(columns={"MATRIX": ("PE()", values)}))


def test_pointers_out_of_the_heap(make_rmf):
    path = make_rmf()
    data = path.read_bytes()
    from astropy.io import fits

    with fits.open(path) as hdus:
        size = hdus[1].header["PCOUNT"]
    path.write_bytes(data.replace(f"PCOUNT  = {size:20d}".encode(), f"PCOUNT  = {8:20d}".encode()))
    with pytest.raises(FileFormatError, match="do not lie in the heap of 8 bytes"):
        read_rmf(path)


def test_heap_whose_numbers_are_not_aligned(make_rmf, expected_matrix):
    # Bytes before the numbers of four bytes leave these at any address.
    lengths = ragged([[2], [2, 3], [4], []], "u1")
    rmf = read_rmf(make_rmf(columns={"N_CHAN": ("PB()", lengths)}))
    np.testing.assert_allclose(rmf.matrix, expected_matrix, rtol=1e-6)
    odd = ragged([[1, 2, 3], [1], [1, 2, 3, 4], [1]], "u1")
    texts = {
        "JUNK": ("PB()", odd),
        "MATRIX": ("PE()", ragged([[0.25, 0.75], [0.1, 0.2, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1], []], "f4")),
    }
    np.testing.assert_allclose(read_rmf(make_rmf(columns=texts)).matrix, expected_matrix, rtol=1e-6)


def interleaved(path):
    """Move the rows of the MATRIX column to odd addresses: row after row, a byte between them."""
    from astropy.io import fits

    with fits.open(path) as hdus:
        header, offset = hdus[1].header, hdus[1]._data_offset
    data = bytearray(path.read_bytes())
    width, n_rows, pcount = header["NAXIS1"], header["NAXIS2"], header["PCOUNT"]
    heap_at = offset + width * n_rows
    heap = bytes(data[heap_at : heap_at + pcount])
    fresh = b""
    for row in range(n_rows):
        for column in range(3):
            cell = offset + row * width + 10 + 8 * column
            length, start = np.frombuffer(bytes(data[cell : cell + 8]), ">i4")
            size = (2, 2, 4)[column] * int(length)
            data[cell + 4 : cell + 8] = np.array([len(fresh)], ">i4").tobytes()
            fresh += heap[start : start + size] + (b"x" if (row + column) % 3 == 0 else b"")
    block = data[:heap_at] + fresh
    block += b"\0" * (-len(block) % 2880)
    rest_at = offset + -(-(width * n_rows + pcount) // 2880) * 2880
    card = f"PCOUNT  = {pcount:20d}".encode()
    block = bytes(block).replace(card, f"PCOUNT  = {len(fresh):20d}".encode())
    path.write_bytes(block + bytes(data[rest_at:]))


def test_heap_at_odd_addresses(make_rmf, expected_matrix):
    path = make_rmf()
    interleaved(path)
    np.testing.assert_allclose(read_rmf(path).matrix, expected_matrix, rtol=1e-6)


def slow_matrix(path):
    """Decode row by row through astropy: independent of the reader."""
    from astropy.io import fits

    with fits.open(path) as hdus:
        table, n_channels = hdus[1], hdus["EBOUNDS"].header["NAXIS2"]
        base = table.header.get("TLMIN4", 1)
        matrix = np.zeros((len(table.data), n_channels))
        for i, row in enumerate(table.data):
            at = 0
            for f, n in zip(np.atleast_1d(row["F_CHAN"])[: row["N_GRP"]], np.atleast_1d(row["N_CHAN"]), strict=False):
                matrix[i, f - base : f - base + n] = row["MATRIX"][at : at + n]
                at += n
    return matrix


@pytest.mark.parametrize("number", [23523, 23592])
def test_crab_matrices_row_by_row(number):
    path = FOLDER / f"rmf_obs{number}.fits"
    rmf = read_rmf(path)
    np.testing.assert_array_equal(rmf.matrix, slow_matrix(path))
    assert rmf.first_channel == 0


# Effective areas


def test_area(make_arf):
    arf = read_arf(make_arf())
    np.testing.assert_array_equal(arf.area, [10, 20, 30, 40])
    np.testing.assert_array_equal(arf.energy_hi, [1, 2, 4, 8])
    assert arf.notes == ()


@pytest.mark.parametrize(("unit", "factor"), [("m2", 1e4), ("m^2", 1e4), ("m**2", 1e4), ("cm^2", 1), ("km2", 1e10)])
def test_unit_of_the_area_is_read(make_arf, unit, factor):
    arf = read_arf(make_arf(columns={"SPECRESP": ("D", [1, 2, 3, 4], unit)}))
    np.testing.assert_allclose(arf.area, np.array([1, 2, 3, 4]) * factor)


def test_absurd_areas_are_named(make_arf):
    with pytest.raises(FileFormatError, match=r"src.arf\[SPECRESP\]: column SPECRESP is negative in row 2: -2 cm2"):
        read_arf(make_arf(columns={"SPECRESP": ("D", [1, -2, 3, 4], "cm2")}))
    with pytest.raises(FileFormatError, match="no column SPECRESP"):
        read_arf(make_arf(drop=("SPECRESP",)))
    with pytest.raises(FileFormatError, match="ENERG_LO is empty"):
        read_arf(make_arf(columns={key: ("D", [], "keV") for key in ("ENERG_LO", "ENERG_HI", "SPECRESP")}))


def test_several_areas(make_arf):
    from astropy.io import fits

    path = make_arf()
    with fits.open(path) as hdus:
        fits.HDUList([*hdus, hdus[1].copy()]).writeto(path.with_name("two.arf"))
    with pytest.warns(GammafoldWarning, match="2 SPECRESP extensions"):
        read_arf(path.with_name("two.arf"))
