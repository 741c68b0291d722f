import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.maps.axes import MapAxes
from gammafold.maps.axis import MapAxis
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.utils.errors import FileFormatError, GammafoldWarning, InputError, InputTypeError, UnknownNameError


@pytest.fixture
def axes(energy, offset):
    return MapAxes([energy, offset, LabelMapAxis(["a", "b", "c"], name="models")])


def test_a_sequence_by_position_and_name(axes, energy, offset):
    assert axes[0] is axes["energy"] is energy
    assert axes[-1].name == "models"
    assert axes[:2].names == ["energy", "offset"]
    assert [axis.name for axis in axes] == axes.names
    assert len(axes) == 3
    assert axes.shape == (4, 2, 3)
    assert "energy" in axes
    assert offset in axes
    assert "energy_true" not in axes
    assert (axes.index("offset"), axes.index_data("offset"), axes.index_data("energy")) == (1, 1, 2)
    assert axes.reverse.names == ["models", "offset", "energy"]
    assert axes.append(energy.rename("energy_true")).names[-1] == "energy_true"


def test_primary_axis(axes, offset):
    assert axes.primary_axis.name == "energy"
    assert MapAxes([offset.squash(), axes["models"]]).primary_axis.name == "models"
    assert MapAxes([]).primary_axis is None
    assert not axes.is_unidimensional
    assert MapAxes([offset.squash(), axes["models"]]).is_unidimensional
    assert MapAxes([offset.squash()]).is_flat
    assert not axes.is_flat


def test_from_default(axes, energy):
    assert MapAxes.from_default(None).names == []
    assert MapAxes.from_default(energy).names == ["energy"]
    assert MapAxes.from_default([energy]).names == ["energy"]
    assert MapAxes.from_default(axes) == axes


def test_coordinates_broadcast_to_the_shape(energy, offset):
    axes = MapAxes([energy, offset])
    coords = axes.get_coord()
    assert (coords["energy"].shape, coords["offset"].shape) == ((4, 1), (1, 2))
    assert axes.get_coord("edges", "energy")["energy"].shape == (5, 1)
    assert axes.get_coord("edges", "energy")["offset"].shape == (1, 2)
    assert axes.get_coord("edges")["offset"].shape == (1, 3)
    volume = axes.bin_volume()
    assert_allclose(volume, np.outer(energy.bin_width, offset.bin_width))
    assert volume.unit == "TeV deg"


def test_named_coordinates(energy, offset):
    axes = MapAxes([energy, offset])
    coord = {"energy": [0.2, 50] * u.TeV, "offset": [1.5, 0.5] * u.deg}
    assert_array_equal(axes.coord_to_idx(coord), [[0, 3], [1, 0]])
    assert_array_equal(axes.coord_to_idx(coord, clip=False), [[0, -1], [1, 0]])
    pix = axes.coord_to_pix(coord)
    for back, name in zip(axes.pix_to_coord(pix), axes.names, strict=True):
        assert_allclose(back, coord[name])
    assert_allclose(axes.center_coord[0], 1 * u.TeV)


def test_other_axes(axes, energy):
    assert axes.squash("energy").shape == (1, 2, 3)
    assert axes.drop("offset").names == ["energy", "models"]
    assert axes.downsample(2, "energy").shape == (2, 2, 3)
    assert axes.upsample(3, "offset").shape == (4, 6, 3)
    assert axes.pad("energy", (0, 2)).shape == (6, 2, 3)
    assert axes.resample(MapAxis.from_energy_edges([0.1, 1, 10] * u.TeV)).shape == (2, 2, 3)
    assert axes.replace(energy.squash()).shape == (1, 2, 3)
    assert axes.rename_axes(["energy"], ["energy_true"]).names == ["energy_true", "offset", "models"]
    assert axes.slice_by_idx({"energy": slice(1, 3), "offset": 0}).shape == (2, 3)
    assert axes.slice_by_idx({"models": slice(0, 2)})["models"].center.tolist() == ["a", "b"]
    assert axes.copy() == axes
    with pytest.warns(GammafoldWarning, match="edges moved"):
        axes.resample(MapAxis.from_energy_edges([0.1, 0.9, 10] * u.TeV))


def test_comparison(axes, energy, offset):
    assert axes == MapAxes([axis.copy() for axis in axes])
    assert axes != axes.reverse
    assert axes != axes.drop("offset")
    assert axes != [energy]
    assert axes.is_allclose(axes.copy())
    assert not axes.is_allclose(axes.drop("offset"))
    near = axes.replace(energy.copy(nodes=energy.edges * (1 + 1e-4)))
    assert axes.is_allclose(near, rtol=1e-3)
    assert not axes.is_allclose(near)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda axes: axes["x"], UnknownNameError, r"no axis 'x': there are \['energy', 'offset', 'models'\]"),
        (lambda axes: axes.drop("x"), UnknownNameError, "no axis 'x'"),
        (lambda axes: axes.index_data("x"), UnknownNameError, "no axis 'x'"),
        (lambda axes: axes.slice_by_idx({"x": 0}), UnknownNameError, "no axis 'x'"),
        (lambda axes: axes.get_coord("edges", "x"), UnknownNameError, "no axis 'x'"),
        (lambda axes: axes.slice_by_idx({"offset": 2}), InputError, "index 2 is beyond axis 'offset', which has 2"),
        (lambda axes: axes.get_coord("middle"), InputError, "mode is 'middle'"),
        (lambda axes: axes.upsample(2, "models"), InputError, "axis 'models' is a LabelMapAxis: it cannot be changed"),
        (lambda axes: axes.append(axes[0]), InputError, "names must be unique"),
        (lambda axes: MapAxes([1]), InputTypeError, "1 is a int: expected a MapAxis"),
        (lambda axes: axes.is_allclose("x"), InputTypeError, "cannot compare MapAxes with a str"),
        (lambda axes: axes.assert_names(["energy"]), InputError, r"expected \['energy'\]"),
        (lambda axes: axes.assert_names(["offset"], allow_extra=True), InputError, r"expected \['offset'\]"),
    ],
)
def test_bad_requests(axes, change, error, match):
    with pytest.raises(error, match=match):
        change(axes)


def test_assert_names(axes):
    axes.assert_names(["energy", "offset", "models"])
    axes.assert_names(["energy"], allow_extra=True)


# -- tables


def test_gadf_table(axes, energy):
    table = axes[:2].to_table()
    assert table.colnames == ["CHANNEL", "ENERGY", "E_MIN", "E_MAX", "OFFSET", "OFFSET_MIN", "OFFSET_MAX"]
    assert len(table) == 8
    # The first axis runs fastest.
    assert_array_equal(table["E_MIN"].quantity[:4], energy.edges_min)
    assert_array_equal(table["OFFSET_MIN"].value, [0] * 4 + [1] * 4)
    assert table.meta["AXCOLS1"] == "E_MIN,E_MAX"
    assert table.meta["INTERP1"] == "log"


def test_gadf_round_trip_through_fits(axes, tmp_path):
    nodes = MapAxis.from_nodes([1, 2, 4] * u.m, interp="log", name="rad")
    several = MapAxes([*axes, nodes, axes[0].rename("energy_true"), MapAxis([0, 1, 4], interp="sqrt", name="root")])
    hdulist = fits.HDUList([fits.PrimaryHDU(), several.to_table_hdu(hdu_bands="MY_BANDS")])
    hdulist.writeto(tmp_path / "bands.fits")
    with fits.open(tmp_path / "bands.fits") as read:
        back = MapAxes.from_table_hdu(read["MY_BANDS"])
        assert back == several
        assert MapAxis.from_table_hdu(read["MY_BANDS"], format="gadf", idx=3) == nodes
    assert MapAxes.from_table_hdu(None).names == []


@given(
    st.lists(st.floats(1e-3, 10), min_size=1, max_size=6),
    st.sampled_from(["energy", "energy_true", "rad"]),
    st.sampled_from(["edges", "center"]),
)
def test_any_axis_survives_a_bands_table(steps, name, node_type):
    axis = MapAxis(np.cumsum([1, *steps]), interp="log", name=name, node_type=node_type, unit="GeV")
    assert MapAxis.from_table(axis.to_table("gadf"), format="gadf") == axis


@pytest.mark.parametrize(
    ("format", "columns", "unit", "name"),
    [
        ("ogip", ["CHANNEL", "E_MIN", "E_MAX"], "TeV", "energy"),
        ("ogip-sherpa", ["CHANNEL", "E_MIN", "E_MAX"], "keV", "energy"),
        ("ogip-arf", ["ENERG_LO", "ENERG_HI"], "TeV", "energy_true"),
        ("ogip-arf-sherpa", ["ENERG_LO", "ENERG_HI"], "keV", "energy_true"),
    ],
)
def test_ogip_tables(energy, format, columns, unit, name):
    axis = energy.rename(name)
    table = axis.to_table(format)
    assert table.colnames == columns
    assert table[columns[-1]].unit == unit
    assert MapAxis.from_table(table, format=format) == axis
    assert MapAxes.from_table_hdu(MapAxes([axis]).to_table_hdu(format), format=format) == MapAxes([axis])
    assert axis.to_table_hdu(format).name == table.meta["EXTNAME"]


def test_energy_bounds_have_the_keywords_of_ogip(energy):
    header = energy.to_table_hdu("ogip").header
    assert (header["EXTNAME"], header["HDUCLAS2"], header["DETCHANS"]) == ("EBOUNDS", "EBOUNDS", 4)


def test_bands_that_do_not_say_what_they_are():
    table = Table({"CHANNEL": [0, 1], "E_MIN": [1, 2] * u.TeV, "E_MAX": [2, 4] * u.TeV})
    assert_allclose(MapAxes.from_table(table)["energy"].edges.value, [1, 2, 4])
    nodes = MapAxes.from_table(Table({"ENERGY": [1, 2] * u.TeV}))["energy"]
    assert nodes.node_type == "center"
    assert MapAxes.from_table(Table({"CHANNEL": [0]})).names == []


def test_dl3_columns():
    table = Table({"ENERG_LO": [[1, 2]] * u.TeV, "ENERG_HI": [[2, 4]] * u.TeV, "THETA_LO": [[0]], "THETA_HI": [[1]]})
    axis = MapAxis.from_table(table, format="gadf-dl3", column_prefix="ENERG")
    assert (axis.name, axis.interp, axis.nbin) == ("energy_true", "log", 2)
    assert MapAxis.from_table(table, format="gadf-dl3", column_prefix="THETA").name == "offset"


@pytest.mark.parametrize(
    ("read", "error", "match"),
    [
        (lambda axes: axes.to_table("ogip"), InputError, "the form 'ogip' holds one energy axis"),
        (lambda axes: axes[1].to_table("ogip"), ValueError, "energies of axis 'offset' are in 'deg'"),
        (lambda axes: axes[0].to_table("csv"), InputError, "format is 'csv': expected one of"),
        (lambda axes: MapAxis.from_table(Table({"A": [1]}), "csv"), InputError, "format is 'csv'"),
        (lambda axes: MapAxis.from_table(Table({"E_MIN": [1]})), FileFormatError, "the table has no column 'E_MAX'"),
        (
            lambda axes: MapAxis.from_table(axes.to_table(), "gadf", idx=3),
            FileFormatError,
            "the bands table has no axis number 3",
        ),
        (
            lambda axes: MapAxis.from_table(Table({"E_MIN": [1, 3] * u.TeV, "E_MAX": [2, 4] * u.TeV})),
            FileFormatError,
            "the bins of axis 'energy' do not touch: bin 0 ends at 2 TeV, the next starts at 3 TeV",
        ),
    ],
)
def test_bad_tables(axes, read, error, match):
    with pytest.raises(error, match=match):
        read(axes)
