"""Files of datasets that are missing, damaged or contradictory: one clear error that names file and extension."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from gammafold.datasets import MapDataset, MapDatasetOnOff, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, GammafoldError, GammafoldWarning, InputError, InputTypeError


@pytest.fixture
def path(tmp_path, full_dataset):
    """Return a file of a dataset with every part."""
    full_dataset().write(tmp_path / "a.fits")
    return tmp_path / "a.fits"


def edit(path, change):
    """Change the extensions of a file."""
    with fits.open(path) as hdulist:
        change(hdulist)
        hdulist.writeto(path, overwrite=True)


def fails(path, *words, kind=SpectrumDataset, **options):
    """Read a file, and check that the error names it and says all the words; lazily too where it is seen at once."""
    with pytest.raises(FileFormatError) as caught:
        kind.read(path, **options)
    for word in (str(path), *words):
        assert word in str(caught.value), str(caught.value)
    assert str(caught.value).count(str(path)) == 1, str(caught.value)
    assert "\n" not in str(caught.value)


# -- the file


def test_a_missing_file(tmp_path):
    for lazy in (False, True):
        fails(tmp_path / "none.fits", "No such file", lazy=lazy)


def test_a_file_that_is_not_fits(tmp_path):
    (tmp_path / "a.fits").write_text("counts: 3")
    fails(tmp_path / "a.fits")
    (tmp_path / "empty.fits").write_bytes(b"")
    fails(tmp_path / "empty.fits")


@pytest.mark.parametrize("suffix", ["fits", "fits.gz"])
@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.62, 0.999])
def test_a_truncated_file(suffix, fraction, tmp_path, full_dataset):
    path = tmp_path / f"a.{suffix}"
    full_dataset().write(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    for lazy in (False, True):
        fails(path, lazy=lazy)


def test_a_file_that_ends_between_two_extensions(path):
    content = path.read_bytes()
    with fits.open(path) as hdulist:
        ends = [hdu.fileinfo()["hdrLoc"] for hdu in hdulist[2:]]
    for end in ends:
        path.write_bytes(content[:end])
        fails(path)


def test_an_extension_that_was_taken_out(path):
    edit(path, lambda hdulist: hdulist.pop("GTI"))
    fails(path, "has 25 extensions where NEXTEND = 26")


def test_a_checksum_that_does_not_hold(tmp_path, full_dataset):
    path = tmp_path / "a.fits"
    full_dataset().write(path, checksum=True)
    content = bytearray(path.read_bytes())
    with fits.open(path) as hdulist:
        position = hdulist.fileinfo("BACKGROUND")["datLoc"]
    content[position + 3] ^= 1
    path.write_bytes(content)
    for lazy in (False, True):
        fails(path, "verification failed", checksum=True, lazy=lazy)


def test_checksums_that_are_not_there_are_said(path):
    with pytest.warns(GammafoldWarning, match="a.fits has no checksums"):
        SpectrumDataset.read(path, checksum=True)


def test_a_later_layout(path):
    edit(path, lambda hdulist: hdulist[0].header.set("SCHEMA", 2))
    fails(path, "SCHEMA = 2", "this version reads 1")


def test_a_file_that_was_changed_meanwhile(path, full_dataset):
    dataset = SpectrumDataset.read(path, lazy=True)
    assert dataset.counts.data.sum() == 9
    full_dataset(SpectrumDatasetOnOff).write(path, overwrite=True)
    with pytest.raises(FileFormatError, match="a.fits was changed since the dataset was opened.*'MASK_FIT'"):
        dataset.mask_fit  # noqa: B018
    path.unlink()
    with pytest.raises(FileFormatError, match="cannot read .*a.fits"):
        dataset.gti  # noqa: B018


# -- the extensions


def test_a_file_without_a_dataset(tmp_path):
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(name="SKY")]).writeto(tmp_path / "a.fits")
    fails(tmp_path / "a.fits", "holds no dataset", "'COUNTS'", "['PRIMARY', 'SKY']")


def test_an_ogip_file_is_said_to_be_one():
    fails(sample_files("crab-hess")[0], "OGIP", "SpectrumDatasetOnOff.read")


@pytest.mark.parametrize(
    ("written", "read", "word"),
    [
        (SpectrumDatasetOnOff, SpectrumDataset, "'COUNTS_OFF', which a SpectrumDataset does not have"),
        (MapDatasetOnOff, MapDataset, "'COUNTS_OFF', which a MapDataset does not have"),
        (SpectrumDataset, SpectrumDatasetOnOff, "'BACKGROUND', which a SpectrumDatasetOnOff does not have"),
    ],
)
def test_a_file_of_another_class(written, read, word, tmp_path, full_dataset):
    full_dataset(written).write(tmp_path / "a.fits")
    fails(tmp_path / "a.fits", word, ".read", kind=read)


@pytest.mark.parametrize("name", ["COUNTS_BANDS", "EXPOSURE_BANDS", "EDISP_BANDS", "PSF_BANDS", "EDISP_EXPOSURE_BANDS"])
def test_a_missing_extension(name, path):
    edit(path, lambda hdulist: hdulist.pop(name))
    # Writers that do not count their extensions.
    edit(path, lambda hdulist: hdulist[0].header.remove("NEXTEND"))
    fails(path, f"has no extension {name!r}")


def test_a_missing_extension_is_seen_lazily(path):
    edit(path, lambda hdulist: hdulist.pop("MASK_SAFE_BANDS"))
    fails(path, "'MASK_SAFE_BANDS'", lazy=True)


def other_axis(name, part):
    """Return a change that gives a map another axis."""
    axis = MapAxis.from_energy_bounds("1 TeV", "11 TeV", nbin=6 if part == "EXPOSURE" else 4, name=name)
    other = RegionNDMap(RegionGeom.create(None, axes=[axis]))

    def change(hdulist):
        hdulist[f"{part}_BANDS"] = other.to_hdulist(hdu=part)[f"{part}_BANDS"]

    return change


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("name", "part", "first"), [("energy", "MASK_FIT", "COUNTS"), ("energy_true", "EXPOSURE", "EXPOSURE")]
)
def test_axes_that_contradict_each_other(name, part, first, lazy, path):
    edit(path, other_axis(name, part))
    words = ["contradict", f"of {name} from", f"extension '{first}_BANDS'", "from 1 TeV to 11 TeV", "extension"]
    fails(path, *words, lazy=lazy)


def test_an_axis_of_another_name(path):
    for part in ("EXPOSURE", "EDISP", "PSF"):
        edit(path, lambda hdulist, part=part: [hdulist.pop(hdu.name) for hdu in hdulist[1:] if part in hdu.name])
    edit(path, other_axis("energy_true", "COUNTS"))
    edit(path, lambda hdulist: hdulist[0].header.remove("NEXTEND"))
    fails(path, "counts of dataset 'crab 1' has the axes ['energy_true']", "extension 'COUNTS'")


def test_values_that_do_not_fit_the_axes(path):
    def change(hdulist):
        hdulist["COUNTS"] = fits.BinTableHDU(Table({"CHANNEL": [0, 1], "DATA": [1.0, 2.0]}), name="COUNTS")

    edit(path, change)
    fails(path, "extension 'COUNTS'", "column 'DATA' has 2 values", "need 4")


def test_a_missing_column(path):
    def change(hdulist):
        hdulist["COUNTS"].columns.change_name("DATA", "NUMBERS")

    edit(path, change)
    fails(path, "extension 'COUNTS'", "no column 'DATA'", "NUMBERS")


def test_a_missing_column_of_an_axis(path):
    def change(hdulist):
        hdulist["COUNTS_BANDS"].columns.change_name("E_MAX", "HIGH")

    edit(path, change)
    fails(path, "extension 'COUNTS_BANDS'", "no column 'E_MAX'")


def test_an_image_in_place_of_a_spectrum(path):
    def change(hdulist):
        hdulist["COUNTS"] = fits.ImageHDU(np.zeros((4, 3, 3)), name="COUNTS")

    edit(path, change)
    fails(path, "extension 'COUNTS' is an image", "one region")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("COUNTS", np.nan, "not finite"),
        ("COUNTS", -1.0, "negative"),
        ("EXPOSURE", np.inf, "not finite"),
        ("BACKGROUND", np.nan, "not finite"),
        ("EDISP", np.nan, "not finite"),
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_values_that_cannot_be(name, value, word, lazy, tmp_path, full_dataset):
    dataset = full_dataset()
    dataset.counts = dataset.counts.copy(dtype=float)
    dataset.write(tmp_path / "a.fits")

    def change(hdulist):
        hdulist[name].data["DATA"][1] = value

    edit(tmp_path / "a.fits", change)
    if not lazy:
        fails(tmp_path / "a.fits", f"extension {name!r}", word)
        return
    read = SpectrumDataset.read(tmp_path / "a.fits", lazy=True)
    with pytest.raises(FileFormatError, match=f"a.fits, extension {name!r}: .*{word}"):
        getattr(read, name.lower())


def test_a_mask_of_other_numbers(path):
    def change(hdulist):
        mask = RegionNDMap(RegionGeom.create(None, axes=[MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=4)]))
        mask.data[2] = 2
        hdulist["MASK_SAFE"] = mask.to_hdulist(hdu="MASK_SAFE")["MASK_SAFE"]

    edit(path, change)
    fails(path, "extension 'MASK_SAFE'", "a mask holds 2.0", "booleans")


def test_a_unit_that_is_no_exposure(path):
    edit(path, lambda hdulist: hdulist["EXPOSURE"].header.set("TUNIT2", "m2"))
    fails(path, "extension 'EXPOSURE'", "has the unit 'm2'")


def test_intervals_without_a_reference(path):
    edit(path, lambda hdulist: hdulist["GTI"].header.remove("MJDREFI"))
    fails(path, "'GTI'", "MJDREF")


def test_a_region_that_cannot_be_read(path):
    def change(hdulist):
        hdulist["COUNTS_REGION"].header["CTYPE1"] = "RA---XXX"

    edit(path, change)
    fails(path, "extension 'COUNTS_REGION'", "no region can be read")


def test_an_error_of_extensions_without_a_file(full_dataset):
    hdulist = full_dataset().to_hdulist()
    del hdulist["COUNTS_BANDS"]
    with pytest.raises(FileFormatError, match="the HDU list.*'COUNTS_BANDS'"):
        SpectrumDataset.from_hdulist(hdulist)


# -- arguments, and what cannot be written


def test_a_file_that_exists(path, full_dataset):
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"file exists: .*a\.fits \(pass overwrite=True"):
        full_dataset(name="other").write(path)
    assert path.read_bytes() == before
    full_dataset(name="other").write(path, overwrite=True)
    assert SpectrumDataset.read(path).name == "other"


def test_a_folder_that_does_not_exist(tmp_path, full_dataset):
    with pytest.raises(InputError, match="no such folder: .*nowhere"):
        full_dataset().write(tmp_path / "nowhere" / "a.fits")


def test_a_crash_leaves_the_old_file(path, full_dataset, monkeypatch):
    before = path.read_bytes()

    def crash(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", crash)
    with pytest.raises(OSError, match="no space left"):
        full_dataset(name="other").write(path, overwrite=True)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["a.fits"]


@pytest.mark.parametrize("kind", [SpectrumDataset, SpectrumDatasetOnOff])
def test_formats_that_do_not_exist(kind, path, full_dataset):
    dataset = full_dataset(kind)
    with pytest.raises(InputError, match="format is 'fits': expected .*gadf"):
        dataset.write(path, format="fits", overwrite=True)
    with pytest.raises(InputError, match="format is 'fits': expected .*gadf"):
        kind.read(path, format="fits")
    with pytest.raises(InputError, match="format is 'fits': expected .*gadf"):
        kind.from_hdulist(dataset.to_hdulist(), format="fits")


def test_companions_belong_to_ogip_files(tmp_path, full_dataset):
    full_dataset(SpectrumDatasetOnOff).write(tmp_path / "a.fits")
    with pytest.raises(InputTypeError, match=r"\['arf'\] belong to OGIP files: .*a.fits"):
        SpectrumDatasetOnOff.read(tmp_path / "a.fits", arf="a.arf")


def test_a_name_that_no_header_holds(full_dataset):
    with pytest.raises(InputError, match="the name of dataset 'γ' cannot stand in a FITS header"):
        full_dataset(name="γ").to_hdulist()


def test_a_table_that_cannot_be_written(full_dataset):
    table = Table({"EVENTS": np.array([[1], [2, 3]], dtype=object)})
    with pytest.raises(InputError, match="column 'EVENTS' of the meta_table holds objects"):
        full_dataset(meta_table=table).to_hdulist()


# -- mutations


@settings(max_examples=150)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(data, tmp_path_factory, full_dataset):
    """Whatever byte is changed: a dataset, or one error that names the file; never an error from inside a library."""
    folder = tmp_path_factory.getbasetemp()
    original, path = folder / "fuzz-original.fits", folder / "fuzz.fits"
    if not original.exists():
        full_dataset().write(original)
    content = bytearray(original.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        SpectrumDataset.read(path)
    except GammafoldError as error:
        assert str(path) in str(error)  # noqa: PT017


def test_extensions_that_are_none():
    with pytest.raises(InputTypeError, match="hdulist is a str: expected an HDUList"):
        SpectrumDataset.from_hdulist("a.fits")
