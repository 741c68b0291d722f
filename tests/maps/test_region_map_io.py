import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.maps.axis import MapAxis
from gammafold.maps.core import Map
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.region_map import RegionNDMap
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import FileFormatError, InputError, UnitsError

CRAB = "icrs;circle(83.63, 22.01, 0.11)"
ENERGY = MapAxis.from_energy_bounds("0.1 TeV", "10 TeV", nbin=4)
TRUE = MapAxis.from_energy_bounds("0.1 TeV", "10 TeV", nbin=4, name="energy_true")


def map_of(axes, region=CRAB, unit=""):
    result = RegionNDMap.create(region, axes=axes, unit=unit)
    result.data[...] = np.arange(1.0, result.data.size + 1).reshape(result.data.shape)
    return result


@pytest.mark.parametrize(
    "axes",
    [
        [],
        [ENERGY],
        [TRUE, ENERGY],
        [MapAxis.from_nodes([1, 2, 5] * u.TeV, interp="log", name="energy")],
        [ENERGY, MapAxis.from_bounds(0, 2, 2, name="offset", unit="deg")],
        [ENERGY, LabelMapAxis(["crab", "a longer one"], name="models")],
        [ENERGY, TimeMapAxis([0, 2] * u.d, [1, 3] * u.d, reference_time="2020-01-01")],
    ],
)
@pytest.mark.parametrize("region", [CRAB, None])
def test_gadf_keeps_everything(axes, region, tmp_path):
    written = map_of(axes, region=region, unit="cm2 s")
    path = tmp_path / "map.fits.gz"
    written.write(path)
    read = RegionNDMap.read(path)
    assert read.geom == written.geom
    assert read.geom.has_same_region(written.geom)
    assert read.unit == written.unit
    assert_array_equal(read.data, written.data)


@given(hnp.arrays(float, 4, elements=st.floats(allow_nan=False, width=64)))
def test_gadf_keeps_every_bit(data):
    written = RegionNDMap.create(None, axes=[ENERGY], data=data)
    read = Map.from_hdulist(written.to_hdulist())
    assert_array_equal(read.data, written.data)
    assert read.data.dtype.isnative


@pytest.mark.parametrize("dtype", [bool, np.int32, np.int64])
def test_masks_and_whole_numbers_stay_what_they_are(dtype, tmp_path):
    written = RegionNDMap.create(CRAB, axes=[ENERGY], data=np.array([0, 1, 1, 0], dtype=dtype))
    written.write(tmp_path / "mask.fits")
    read = RegionNDMap.read(tmp_path / "mask.fits")
    assert read.data.dtype == dtype
    assert_array_equal(read.data, written.data)


def test_single_precision_is_widened():
    hdulist = map_of([ENERGY]).to_hdulist()
    table = Table.read(hdulist["SKYMAP"])
    table["DATA"] = table["DATA"].astype(np.float32)
    hdulist["SKYMAP"] = fits.BinTableHDU(table, name="SKYMAP")
    assert RegionNDMap.from_hdulist(hdulist).data.dtype == np.float64


def test_layout_of_gadf():
    hdulist = map_of([ENERGY], unit="s").to_hdulist(hdu="counts")
    assert [hdu.name for hdu in hdulist] == ["PRIMARY", "COUNTS", "COUNTS_BANDS", "COUNTS_REGION"]
    assert hdulist["COUNTS"].columns.names == ["CHANNEL", "DATA"]
    assert hdulist["COUNTS"].columns["DATA"].unit == "s"
    assert hdulist["COUNTS"].header["AXCOLS1"] == "E_MIN,E_MAX"
    assert hdulist["COUNTS_BANDS"].columns.names == ["CHANNEL", "ENERGY", "E_MIN", "E_MAX"]
    assert RegionNDMap.from_hdulist(hdulist).geom.axes[0] == ENERGY
    assert RegionNDMap.from_hdulist(hdulist, hdu="COUNTS").unit == "s"


@pytest.mark.parametrize("format", ["ogip", "ogip-sherpa"])
def test_ogip_counts(format, tmp_path):
    written = map_of([ENERGY])
    written.meta["telescop"] = "HESS"
    written.write(tmp_path / "pha.fits", format=format)
    with fits.open(tmp_path / "pha.fits") as hdulist:
        assert hdulist["SPECTRUM"].columns["COUNTS"].format == "J"
        assert hdulist["SPECTRUM"].header["TELESCOP"] == "HESS"
        assert hdulist["SPECTRUM"].header["DETCHANS"] == 4
        assert hdulist["EBOUNDS"].columns["E_MIN"].unit == ("keV" if format == "ogip-sherpa" else "TeV")
    read = RegionNDMap.read(tmp_path / "pha.fits", format=format)
    assert read.is_allclose(written)
    assert read.geom.has_same_region(written.geom)
    assert_array_equal(RegionNDMap.read(tmp_path / "pha.fits", format=format, ogip_column="quality").data, 0)


def test_fractional_counts_are_not_cut_off():
    counts = map_of([ENERGY]) * 0.5
    assert_array_equal(counts.to_table("ogip")["COUNTS"], [0.5, 1, 1.5, 2])


@pytest.mark.parametrize(
    ("format", "unit", "energy_unit"), [("ogip-arf", "m2", "TeV"), ("ogip-arf-sherpa", "cm2", "keV")]
)
def test_ogip_areas(format, unit, energy_unit, tmp_path):
    written = map_of([TRUE], unit="m2")
    written.write(tmp_path / "arf.fits", format=format)
    with fits.open(tmp_path / "arf.fits") as hdulist:
        assert hdulist["SPECRESP"].columns["SPECRESP"].unit == unit
        assert hdulist["SPECRESP"].columns["ENERG_LO"].unit == energy_unit
        assert hdulist["SPECRESP"].header["HDUCLAS2"] == "SPECRESP"
    assert RegionNDMap.read(tmp_path / "arf.fits", format=format).is_allclose(written)
    assert RegionNDMap.from_table(written.to_table(format), format=format).is_allclose(written)


@pytest.mark.parametrize("format", ["gadf", "ogip", "ogip-sherpa"])
def test_tables_that_need_their_axes(format):
    written = map_of([ENERGY])
    assert RegionNDMap.from_table(written.to_table(format), format=format, axes=[ENERGY]).is_allclose(written)
    with pytest.raises(FileFormatError, match=r"has 4 values: the axes \['energy'\] need 2"):
        RegionNDMap.from_table(written.to_table(format), format=format, axes=[ENERGY.downsample(2)])


def test_writing_over_a_file(tmp_path):
    path = tmp_path / "map.fits"
    map_of([ENERGY]).write(path)
    with pytest.raises(InputError, match="file exists"):
        map_of([ENERGY]).write(path)
    (map_of([ENERGY]) * 2).write(path, overwrite=True, checksum=True)
    assert RegionNDMap.read(path, checksum=True).data[0, 0, 0] == 2
    assert Map.read(path).data[0, 0, 0] == 2


def test_a_changed_file_fails_its_checksum(tmp_path):
    path = tmp_path / "map.fits"
    map_of([ENERGY]).write(path, checksum=True)
    content = path.read_bytes()
    path.write_bytes(content.replace(np.array(3.0, dtype=">f8").tobytes(), np.array(5.0, dtype=">f8").tobytes()))
    with pytest.raises(FileFormatError, match="cannot read .*map.fits: .*verification failed"):
        RegionNDMap.read(path, checksum=True)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileFormatError, match="cannot read .*nothing.fits"):
        RegionNDMap.read(tmp_path / "nothing.fits")
    (tmp_path / "text.fits").write_text("no FITS at all")
    with pytest.raises(FileFormatError, match="cannot read .*text.fits"):
        RegionNDMap.read(tmp_path / "text.fits")
    path = tmp_path / "cut.fits"
    map_of([ENERGY]).write(path)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(FileFormatError, match="cannot read .*cut.fits"):
        RegionNDMap.read(path)


def without(hdulist, name):
    return fits.HDUList([hdu for hdu in hdulist if hdu.name != name])


@pytest.mark.parametrize(
    ("read", "error", "match"),
    [
        (
            lambda: RegionNDMap.from_hdulist(fits.HDUList([fits.PrimaryHDU()])),
            FileFormatError,
            "no extension with a column 'DATA'",
        ),
        (
            lambda: RegionNDMap.from_hdulist(map_of([ENERGY]).to_hdulist(), hdu="COUNTS"),
            FileFormatError,
            r"has no extension 'COUNTS': there are \['PRIMARY', 'SKYMAP', 'SKYMAP_BANDS', 'SKYMAP_REGION'\]",
        ),
        (
            lambda: RegionNDMap.from_hdulist(without(map_of([ENERGY]).to_hdulist(), "SKYMAP_BANDS")),
            FileFormatError,
            r"column 'DATA' has 4 values: the axes \[\] need 1",
        ),
        (
            lambda: RegionNDMap.from_hdulist(map_of([ENERGY]).to_hdulist("ogip"), format="ogip", ogip_column="RATE"),
            FileFormatError,
            "extension 'SPECTRUM' has no column 'RATE'",
        ),
        (
            lambda: RegionNDMap.from_hdulist(without(map_of([ENERGY]).to_hdulist("ogip"), "EBOUNDS"), format="ogip"),
            FileFormatError,
            "has no extension 'EBOUNDS'",
        ),
        (lambda: RegionNDMap.from_hdulist(fits.HDUList(), format="csv"), InputError, "format is 'csv'"),
        (lambda: map_of([ENERGY]).to_table("csv"), InputError, "format is 'csv'"),
        (lambda: map_of([TRUE]).to_table("ogip"), InputError, "takes maps with the one axis 'energy': this has"),
        (lambda: map_of([ENERGY], unit="s").to_table("ogip"), UnitsError, "takes counts: this map has the unit 's'"),
        (lambda: map_of([TRUE], unit="s").to_table("ogip-arf"), UnitsError, "takes areas: this map has the unit 's'"),
        (lambda: RegionNDMap.from_table(Table({"COUNTS": [1]}), "ogip"), InputError, "has no axes"),
        (
            lambda: RegionNDMap.from_table(map_of([TRUE], unit="m2").to_table("ogip-arf"), "ogip-arf", colname="AREA"),
            FileFormatError,
            "the table has no column 'AREA'",
        ),
    ],
)
def test_bad_files(read, error, match):
    with pytest.raises(error, match=match):
        read()


def test_a_broken_region_names_its_extension():
    hdulist = map_of([ENERGY]).to_hdulist()
    hdulist["SKYMAP_REGION"].data["SHAPE"][0] = "blob"
    with pytest.raises(FileFormatError, match="extension 'SKYMAP_REGION': no region can be read"):
        RegionNDMap.from_hdulist(hdulist)


def test_angles_without_a_unit_are_degrees():
    region = "icrs;ellipse(83.63,22.01,0.2,0.1,30)"
    hdulist = map_of([ENERGY], region=region).to_hdulist()
    del hdulist["SKYMAP_REGION"].header["TUNIT5"]
    hdulist["SKYMAP_REGION"].columns["ROTANG"].unit = None
    read = RegionNDMap.from_hdulist(hdulist)
    assert_allclose(read.geom.region.angle.to_value("deg"), 30, atol=1e-3)
