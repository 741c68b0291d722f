"""Datasets written to FITS files and read again: nothing is lost, at once or lazily."""

from __future__ import annotations

import copy
import gzip
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gammafold.datasets import MapDataset, MapDatasetOnOff, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.datasets.slots import LazyPart
from gammafold.irf.edisp_map import EDispMap
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files

KINDS = [SpectrumDataset, SpectrumDatasetOnOff, MapDataset, MapDatasetOnOff]
N, T = 4, 6


# -- identity


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filename", ["a.fits", "a.fits.gz"])
@pytest.mark.parametrize("options", [{}, {"lazy": True}, {"lazy": True, "cache": False}])
def test_what_is_written_is_read(kind, filename, options, tmp_path, full_dataset, assert_identical):
    dataset = full_dataset(kind)
    dataset.write(tmp_path / filename)
    read = kind.read(tmp_path / filename, **options)
    assert read.name == "crab 1"
    assert read.models is None
    assert_identical(dataset, read)


@pytest.mark.parametrize("kind", KINDS)
def test_extensions_are_read_without_a_file(kind, full_dataset, assert_identical):
    dataset = full_dataset(kind)
    for lazy in (False, True):
        assert_identical(dataset, kind.from_hdulist(dataset.to_hdulist(), lazy=lazy))
    assert kind.from_hdulist(dataset.to_hdulist(), name="other").name == "other"


def test_open_extensions_are_read_lazily_from_their_file(tmp_path, full_dataset, assert_identical):
    dataset = full_dataset()
    dataset.write(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdulist:
        read = SpectrumDataset.from_hdulist(hdulist, lazy=True)
    assert isinstance(read.__dict__["_counts"], LazyPart)
    assert_identical(dataset, read)


def test_layout(full_dataset):
    names = [hdu.name for hdu in full_dataset(SpectrumDatasetOnOff).to_hdulist()]
    parts = [name for name in names if not name.endswith(("_BANDS", "_REGION", "_EXPOSURE"))]
    assert parts == [
        "PRIMARY", "COUNTS", "EXPOSURE", "EDISP", "PSF", "MASK_SAFE", "MASK_FIT", "GTI", "META_TABLE",
        "COUNTS_OFF", "ACCEPTANCE", "ACCEPTANCE_OFF",
    ]  # fmt: skip
    assert {"COUNTS_BANDS", "COUNTS_REGION", "EDISP_EXPOSURE", "EDISP_EXPOSURE_BANDS"} <= set(names)
    assert "BACKGROUND" in full_dataset(SpectrumDataset).to_hdulist()


@pytest.mark.parametrize("part", ["counts", "exposure", "background", "edisp", "psf", "mask_safe", "mask_fit", "gti"])
def test_each_part_may_be_missing(part, full_dataset, assert_identical):
    dataset = full_dataset(**{part: None})
    hdulist = dataset.to_hdulist()
    assert part.upper() not in hdulist
    read = SpectrumDataset.from_hdulist(hdulist)
    assert getattr(read, part) is None
    assert_identical(dataset, read)


def test_a_dataset_of_zeros_comes_back(geometries, assert_identical):
    dataset = SpectrumDataset.create(geometries()[0].axes["energy"], name="empty")
    assert len(dataset.gti) == 0
    assert_identical(dataset, SpectrumDataset.from_hdulist(dataset.to_hdulist()))


def test_an_energy_dispersion_of_ratios_comes_back(geometries, full_dataset, assert_identical):
    true = geometries()[1].axes["energy_true"]
    migra = MapAxis.from_bounds(0.2, 5, nbin=30, name="migra")
    dataset = full_dataset(edisp=EDispMap.from_diagonal_response(true, migra_axis=migra, geom=geometries()[0]))
    assert_identical(dataset, SpectrumDataset.from_hdulist(dataset.to_hdulist()))


@pytest.mark.parametrize(
    "region", [None, "galactic;circle(10, 5, 0.3)", "icrs;polygon(83, 22, 84, 22, 84, 23)",
               "icrs;circle(83, 22, 0.1);icrs;circle(84, 22, 0.2)"],
)  # fmt: skip
def test_regions_come_back(region, full_dataset):
    dataset = full_dataset(region=region)
    geom = SpectrumDataset.from_hdulist(dataset.to_hdulist()).counts.geom
    if region is None:
        assert geom.region is None
        return
    assert type(geom.region) is type(dataset.counts.geom.region)
    assert geom.frame == dataset.counts.geom.frame
    assert geom.solid_angle().value == pytest.approx(dataset.counts.geom.solid_angle().value, rel=1e-6)
    assert geom.center_skydir.separation(dataset.counts.geom.center_skydir).deg < 1e-6


def test_off_counts_keep_their_own_region(geometries, full_dataset):
    reco = RegionGeom.create("icrs;circle(80, 22, 0.1);icrs;circle(86, 22, 0.1)", axes=geometries()[0].axes)
    dataset = full_dataset(SpectrumDatasetOnOff, counts_off=RegionNDMap(reco, data=np.arange(4)))
    read = SpectrumDatasetOnOff.from_hdulist(dataset.to_hdulist())
    areas = [geom.solid_angle().to_value("sr") for geom in (read.counts.geom, read.counts_off.geom)]
    assert areas[1] == pytest.approx(2 * areas[0] * (0.1 / 0.11) ** 2, rel=1e-4)


def test_maps_of_one_file_share_their_axes_and_region(full_dataset):
    read = SpectrumDataset.from_hdulist(full_dataset().to_hdulist())
    assert read.counts.geom is read.mask_safe.geom
    assert read.exposure.geom.region is read.counts.geom.region


@settings(max_examples=20)
@given(
    counts=arrays(np.int64, N, elements=st.integers(0, 2**53)),
    background=arrays(float, N, elements=st.floats(-1e300, 1e300)),
    exposure=arrays(float, T, elements=st.floats(0, 1e300)),
    masks=arrays(bool, (2, N)),
    livetime=st.floats(1e-3, 1e9),
    lazy=st.booleans(),
)
def test_numbers_come_back_to_the_last_bit(
    tmp_path_factory, counts, background, exposure, masks, livetime, lazy, geometries, assert_identical
):
    reco, true = geometries()
    path = tmp_path_factory.getbasetemp() / "numbers.fits"
    dataset = SpectrumDataset(
        name="numbers",
        counts=RegionNDMap(reco, data=counts),
        background=RegionNDMap(reco, data=background),
        exposure=RegionNDMap(true, data=exposure, unit="cm2 s", meta={"livetime": livetime * u.s}),
        mask_safe=RegionNDMap(reco, data=masks[0]),
        mask_fit=RegionNDMap(reco, data=masks[1]),
    )
    dataset.write(path, overwrite=True)
    assert_identical(dataset, SpectrumDataset.read(path, lazy=lazy))


@settings(max_examples=20)
@given(
    edges=st.lists(st.floats(0.01, 100), min_size=3, max_size=8, unique=True),
    unit=st.sampled_from(["TeV", "GeV", "keV"]),
)
def test_energies_come_back_to_the_last_bit(edges, unit, assert_identical):
    axis = MapAxis.from_energy_edges(np.sort(edges) * u.Unit(unit))
    dataset = SpectrumDataset.create(axis, name="d")
    assert_identical(dataset, SpectrumDataset.from_hdulist(dataset.to_hdulist()))


def test_predictions_come_back(tmp_path, full_dataset):
    model = SkyModel(PowerLawSpectralModel(amplitude="3e-12 cm-2 s-1 TeV-1"), name="source")
    for kind in KINDS:
        dataset = full_dataset(kind)
        dataset.write(tmp_path / "a.fits", overwrite=True)
        read = kind.read(tmp_path / "a.fits", lazy=True)
        dataset.models = read.models = model
        np.testing.assert_array_equal(read.npred().data, dataset.npred().data)
        assert read.stat_sum() == dataset.stat_sum()
        assert read.info_dict()["livetime"] == 0.44 * u.h


def test_what_was_not_read_is_not_called_missing(tmp_path, full_dataset):
    full_dataset().write(tmp_path / "a.fits")
    read = SpectrumDataset.read(tmp_path / "a.fits", name="late", lazy=True)
    assert str(read).count("not read from file yet") == 3
    assert "not set" not in str(read)
    assert repr(read) == "<SpectrumDataset 'late': counts not read yet>"
    np.testing.assert_array_equal(read.counts.data, full_dataset().counts.data)
    assert "mask_fit        : 3 of 4 bins" in str(read)
    assert "not read" not in str(read)


def test_masks_of_zeros_and_ones_are_booleans(geometries, full_dataset):
    hdulist = full_dataset().to_hdulist()
    mask = RegionNDMap(geometries()[0], data=np.array([0, 1, 1, 0]))
    hdulist["MASK_SAFE"] = mask.to_hdulist(hdu="MASK_SAFE")[1]
    assert SpectrumDataset.from_hdulist(hdulist).mask_safe.data.ravel().tolist() == [False, True, True, False]


# -- names, formats, checksums


def test_the_name_is_given_or_in_the_file_or_that_of_the_file(tmp_path, full_dataset):
    full_dataset(name="a/b").write(tmp_path / "run.7.fits.gz")
    assert SpectrumDataset.read(tmp_path / "run.7.fits.gz").name == "a/b"
    assert SpectrumDataset.read(tmp_path / "run.7.fits.gz", name="c").name == "c"
    with fits.open(tmp_path / "run.7.fits.gz") as hdulist:
        del hdulist[0].header["NAME"]
        hdulist.writeto(tmp_path / "nameless.fits")
        assert len(SpectrumDataset.from_hdulist(hdulist).name) == 8
        hdulist[0].header["NAME"] = 23523
        assert SpectrumDataset.from_hdulist(hdulist).name == "23523"
    assert SpectrumDataset.read(tmp_path / "nameless.fits").name == "nameless"
    entry = {"name": 23523, "type": "SpectrumDataset", "filename": str(tmp_path / "nameless.fits")}
    assert SpectrumDataset.from_dict(entry).name == "23523"


def test_gz_is_compressed_and_fits_is_not(tmp_path, full_dataset):
    dataset = full_dataset()
    dataset.write(tmp_path / "a.fits")
    dataset.write(tmp_path / "a.fits.gz")
    assert gzip.decompress((tmp_path / "a.fits.gz").read_bytes())[:6] == b"SIMPLE"
    assert (tmp_path / "a.fits").read_bytes()[:6] == b"SIMPLE"


@pytest.mark.parametrize("kind", [SpectrumDataset, SpectrumDatasetOnOff])
def test_checksums_are_written_on_request(kind, tmp_path, full_dataset, assert_identical):
    full_dataset(kind).write(tmp_path / "with.fits", checksum=True)
    full_dataset(kind).write(tmp_path / "without.fits")
    for filename, there in (("with.fits", True), ("without.fits", False)):
        with fits.open(tmp_path / filename) as hdulist:
            assert {"CHECKSUM" in hdu.header and "DATASUM" in hdu.header for hdu in hdulist} == {there}
    assert_identical(full_dataset(kind), kind.read(tmp_path / "with.fits", checksum=True))


def test_the_same_dataset_makes_the_same_file(tmp_path, full_dataset):
    for filename in ("a.fits", "b.fits"):
        full_dataset().write(tmp_path / filename)
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()


def test_on_off_files_are_told_from_ogip_by_what_they_hold(tmp_path, assert_identical):
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    dataset.write(tmp_path / "a.fits")
    for options in ({}, {"format": "gadf"}, {"lazy": True}):
        assert_identical(dataset, SpectrumDatasetOnOff.read(tmp_path / "a.fits", **options))
    assert SpectrumDatasetOnOff.read(sample_files("crab-hess")[0], format="ogip").name == dataset.name


# -- lazily


def counted(monkeypatch):
    """Return a list that grows by the extension that is read."""
    from gammafold.datasets.files_parts import PartReader

    seen, original = [], PartReader.read

    def read(self, hdulist, part):
        seen.append(part)
        return original(self, hdulist, part)

    monkeypatch.setattr(PartReader, "read", read)
    return seen


def test_parts_are_read_when_they_are_used(tmp_path, monkeypatch, full_dataset):
    full_dataset().write(tmp_path / "a.fits")
    seen = counted(monkeypatch)
    dataset = SpectrumDataset.read(tmp_path / "a.fits", lazy=True)
    assert repr(dataset) == "<SpectrumDataset 'crab 1': counts not read yet>"
    assert seen == []
    assert dataset.counts is dataset.counts
    assert seen == ["counts"]
    assert dataset.gti.time_sum.to_value("s") == pytest.approx(2000.5)
    assert seen == ["counts", "gti"]


def test_without_cache_each_access_reads(tmp_path, monkeypatch, full_dataset):
    full_dataset().write(tmp_path / "a.fits")
    seen = counted(monkeypatch)
    dataset = SpectrumDataset.read(tmp_path / "a.fits", lazy=True, cache=False)
    dataset.counts.data[0] = 99
    assert dataset.counts.data[0, 0, 0] == 3
    assert seen == ["counts", "counts"]


def change_counts(dataset):
    dataset.counts.data[0] += 1


def change_exposure_unit(dataset):
    dataset.exposure.unit = "cm2 s"


def change_livetime(dataset):
    dataset.exposure.meta["livetime"] *= 1 + 1e-15


def change_kernel(dataset):
    dataset.edisp.edisp_map.data[2, 1] *= 0.5


def change_gti(dataset):
    dataset.gti.table.remove_row(0)


def change_table(dataset):
    dataset.meta_table["OBS_ID"][1] = 7


def change_mask(dataset):
    dataset.mask_fit.data[2] = True


def replace_background(dataset):
    dataset.background = dataset.background.copy()


CHANGES = {
    "counts": change_counts, "exposure": change_exposure_unit, "edisp": change_kernel, "gti": change_gti,
    "meta_table": change_table, "mask_fit": change_mask, "background": replace_background,
}  # fmt: skip


@pytest.mark.parametrize(("part", "change"), [*CHANGES.items(), ("exposure", change_livetime)])
def test_a_reset_drops_what_is_on_file_and_keeps_what_was_changed(part, change, tmp_path, full_dataset):
    full_dataset().write(tmp_path / "a.fits")
    dataset = SpectrumDataset.read(tmp_path / "a.fits", lazy=True)
    held = {name: getattr(dataset, name) for name in CHANGES}
    change(dataset)
    changed = getattr(dataset, part)
    dataset.reset_data_cache()
    in_memory = {name for name in CHANGES if not isinstance(dataset.__dict__[f"_{name}"], LazyPart)}
    assert in_memory == {part}
    assert getattr(dataset, part) is changed
    for name in set(CHANGES) - {part}:
        assert getattr(dataset, name) is not held[name]
    change_back = full_dataset()
    assert dataset.psf.psf_map.data.tolist() == change_back.psf.psf_map.data.tolist()


def test_a_reset_keeps_what_was_never_on_file(full_dataset, maps_of):
    dataset = full_dataset()
    held = maps_of(dataset)
    dataset.reset_data_cache()
    assert all(maps_of(dataset)[part] is held[part] for part in held)


def test_a_reset_keeps_what_the_file_does_not_hold_any_more(tmp_path, full_dataset):
    full_dataset().write(tmp_path / "a.fits")
    dataset = SpectrumDataset.read(tmp_path / "a.fits", lazy=True)
    counts = dataset.counts
    (tmp_path / "a.fits").unlink()
    dataset.reset_data_cache()
    assert dataset.counts is counts


def test_predictions_after_a_reset(tmp_path, full_dataset):
    full_dataset().write(tmp_path / "a.fits")
    dataset = SpectrumDataset.read(tmp_path / "a.fits", lazy=True)
    dataset.models = SkyModel(PowerLawSpectralModel(), name="source")
    before = dataset.stat_sum()
    dataset.reset_data_cache()
    assert dataset.stat_sum() == before
    dataset.counts.data[3] += 2
    dataset.reset_data_cache()
    assert dataset.stat_sum() != before


def test_a_lazy_dataset_is_copied_pickled_and_rewritten(tmp_path, full_dataset, assert_identical):
    dataset = full_dataset()
    dataset.write(tmp_path / "a.fits")
    for duplicate in (copy.deepcopy, lambda lazy: pickle.loads(pickle.dumps(lazy))):
        lazy = SpectrumDataset.read(tmp_path / "a.fits", lazy=True)
        assert lazy.counts.data.sum() == 9
        other = duplicate(lazy)
        assert_identical(dataset, other)
        other.reset_data_cache()
        assert isinstance(other.__dict__["_counts"], LazyPart)
    lazy = SpectrumDataset.read(tmp_path / "a.fits", lazy=True)
    lazy.write(tmp_path / "a.fits", overwrite=True)
    assert_identical(dataset, SpectrumDataset.read(tmp_path / "a.fits"))
    assert_identical(dataset, lazy)
