"""Datasets as OGIP files: what is written is read again as it was, and failures leave no trace."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.data.gti import GTI
from gammafold.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammafold.datasets.ogip import write_onoff
from gammafold.irf.edisp_map import EDispKernelMap
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files
from gammafold.utils.errors import GammafoldWarning, InputError


def make(rng, n_reco=4, n_true=3, is_whole=True, unit="TeV", region="icrs;circle(83.63, 22.01, 0.11)"):
    """Return an on-off dataset with everything that it can have, of random numbers."""
    reco = MapAxis.from_energy_edges(np.sort(rng.uniform(1, 100, n_reco + 1)) * u.Unit(unit), name="energy")
    true = MapAxis.from_energy_edges(np.sort(rng.uniform(1, 100, n_true + 1)) * u.Unit(unit), name="energy_true")
    geom = RegionGeom.create(region, axes=[reco])
    image = geom.to_image()
    exposure_geom, kernel_geom = image.to_cube([true]), image.to_cube([reco, true])
    weights = kernel_geom.squash("energy")

    def on_reco(values):
        return RegionNDMap(geom, data=np.asarray(values).reshape(geom.data_shape))

    counts = rng.poisson(3, (2, n_reco)).astype(float)
    if not is_whole:
        counts += rng.uniform(0, 1, counts.shape)
    exposure = rng.uniform(0, 1e14, n_true).reshape(exposure_geom.data_shape)
    return SpectrumDatasetOnOff(
        name="made",
        models=SkyModel(PowerLawSpectralModel(), name="source"),
        counts=on_reco(counts[0]),
        counts_off=on_reco(counts[1]),
        acceptance=on_reco(rng.uniform(0.1, 2, n_reco)),
        acceptance_off=on_reco(rng.uniform(1, 9, n_reco)),
        exposure=RegionNDMap(exposure_geom, data=exposure, unit="cm2 s", meta={"livetime": rng.uniform(1, 1e5) * u.s}),
        edisp=EDispKernelMap(
            RegionNDMap(kernel_geom, data=rng.uniform(0, 1 / n_reco, kernel_geom.data_shape)),
            RegionNDMap(weights, data=exposure.reshape(weights.data_shape), unit="cm2 s"),
        ),
        mask_safe=on_reco(rng.uniform(size=n_reco) > 0.3),
        mask_fit=on_reco(rng.uniform(size=n_reco) > 0.3),
        gti=GTI.create([0, 200.5] * u.s, [100, 350] * u.s, reference_time="2010-01-01T00:00:00"),
        meta_table=Table(rows=[["made", "HESS", "Crab"]], names=["OBS_ID", "TELESCOP", "OBJECT"]),
    )


def assert_same(again, dataset):
    for part in ("counts", "counts_off", "acceptance", "acceptance_off", "mask_safe", "mask_fit"):
        assert_array_equal(getattr(again, part).data, getattr(dataset, part).data, err_msg=part)
    assert_array_equal(again.edisp.edisp_map.data, dataset.edisp.edisp_map.data)
    assert_allclose(again.exposure.data, dataset.exposure.quantity.to_value("cm2 s"), rtol=1e-14)
    assert_allclose(
        again.reco_energy_axis.edges.to_value("keV"), dataset.reco_energy_axis.edges.to_value("keV"), rtol=1e-14
    )
    assert again.exposure.meta["livetime"].to_value("s") == dataset.exposure.meta["livetime"].to_value("s")
    again.models = dataset.models
    assert_allclose(again.npred_signal().data, dataset.npred_signal().data, rtol=1e-12)
    assert again.stat_sum() == pytest.approx(dataset.stat_sum(), rel=1e-12)


@given(
    st.integers(0, 2**32),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(["TeV", "keV"]),
    st.sampled_from(["ogip", "ogip-sherpa"]),
    st.sampled_from(["a.fits", "a.pha.gz"]),
)
def test_what_is_written_is_read_again(tmp_path_factory, seed, n_reco, n_true, is_whole, unit, format, name):
    dataset = make(np.random.default_rng(seed), n_reco, n_true, is_whole, unit)
    *_, path = write_onoff(dataset, tmp_path_factory.mktemp("ogip") / name, format=format, checksum=True)
    again = SpectrumDatasetOnOff.read(path)
    assert_same(again, dataset)
    assert again.name == "made"
    assert again.gti.time_sum == dataset.gti.time_sum
    assert again.gti.time_ref.isot == dataset.gti.time_ref.isot
    assert_allclose(again.geom.center_skydir.ra.deg, 83.63, rtol=1e-8)
    assert dict(again.meta_table[0]) == dict(dataset.meta_table[0])


@pytest.mark.parametrize("is_root", [False, True])
def test_errors_of_counts_are_kept(tmp_path, is_root):
    rng = np.random.default_rng(6)
    dataset = make(rng)
    for part in ("counts", "counts_off"):
        counts = getattr(dataset, part)
        # Errors that were given stay errors, also where they are those of Poisson counts.
        error = np.sqrt(counts.data) if is_root else rng.uniform(1, 9, counts.data.shape)
        setattr(dataset, f"{part}_error", RegionNDMap(dataset.geom, data=error))
    *_, path = write_onoff(dataset, tmp_path / "a.fits")
    again = SpectrumDatasetOnOff.read(path)
    assert again.stat_type == "chi2"
    for part in ("counts", "counts_error", "counts_off", "counts_off_error"):
        assert_array_equal(getattr(again, part).data, getattr(dataset, part).data)
    header = fits.getheader(path, "SPECTRUM")
    assert header["POISSERR"] is False


def test_methods_of_datasets_write_and_read(tmp_path):
    dataset = make(np.random.default_rng(7))
    dataset.write(tmp_path / "a.fits", format="ogip", checksum=True)
    assert_same(SpectrumDatasetOnOff.read(tmp_path / "a.fits", checksum=True), dataset)
    known = dataset.to_spectrum_dataset(name="known")
    known.write(tmp_path / "b.fits", format="ogip-sherpa")
    again = SpectrumDatasetOnOff.read(tmp_path / "b.fits")
    assert_array_equal(again.background.data, known.background.data)


def test_files_are_those_of_ogip(tmp_path):
    dataset = make(np.random.default_rng(1))
    paths = write_onoff(dataset, tmp_path / "src.pi", checksum=True)
    assert [path.name for path in paths] == ["src_arf.pi", "src_rmf.pi", "src_bkg.pi", "src.pi"]
    arf, rmf, bkg, pha = (fits.getheader(path, 1) for path in paths)
    assert (pha["BACKFILE"], pha["RESPFILE"], pha["ANCRFILE"]) == ("src_bkg.pi", "src_rmf.pi", "src_arf.pi")
    assert (bkg["HDUCLAS2"], bkg["BACKFILE"]) == ("BKG", "none")
    assert (pha["TLMIN1"], rmf["TLMIN4"]) == (0, 0)
    low, high = dataset.energy_range.to_value("TeV")
    assert_allclose([arf["LO_THRES"], arf["HI_THRES"]], [low, high])
    for path in paths:
        with fits.open(path, checksum=True) as hdus:
            assert all("CHECKSUM" in hdu.header for hdu in hdus[1:])
    with fits.open(paths[-1]) as hdus:
        assert hdus["SPECTRUM"].columns["COUNTS"].format == "J"
        assert hdus["SPECTRUM"].columns["QUALITY"].format == "I"
        assert {"SPECTRUM", "EBOUNDS", "GTI", "REGION"} <= {hdu.name for hdu in hdus}
    *_, one_based = write_onoff(dataset, tmp_path / "b.pi", format="ogip-sherpa")
    assert fits.getheader(one_based, 1)["TLMIN1"] == 1


def test_nothing_is_written_if_any_file_is_there(tmp_path):
    dataset = make(np.random.default_rng(2))
    (tmp_path / "a_rmf.fits").write_text("precious")
    with pytest.raises(InputError, match=r"file exists: .*a_rmf.fits"):
        write_onoff(dataset, tmp_path / "a.fits")
    assert [path.name for path in tmp_path.iterdir()] == ["a_rmf.fits"]
    write_onoff(dataset, tmp_path / "a.fits", overwrite=True)
    assert_same(SpectrumDatasetOnOff.read(tmp_path / "a.fits"), dataset)


def test_a_write_that_fails_half_way_leaves_everything_as_it_was(tmp_path, monkeypatch):
    write_onoff(make(np.random.default_rng(1)), tmp_path / "a.fits")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 4

    def fail(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr("gammafold.datasets.ogip_write.write_pha", fail)
    with pytest.raises(OSError, match="no space left"):
        write_onoff(make(np.random.default_rng(2)), tmp_path / "a.fits", overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.filterwarnings("ignore:.*no (RESP|ANCR)FILE")
def test_parts_that_are_not_there_are_not_written(tmp_path):
    dataset = make(np.random.default_rng(3))
    bare = SpectrumDatasetOnOff(counts=dataset.counts, name="bare")
    assert [path.name for path in write_onoff(bare, tmp_path / "a.fits")] == ["a.fits"]
    again = SpectrumDatasetOnOff.read(tmp_path / "a.fits")
    assert_array_equal(again.counts.data, bare.counts.data)
    assert (again.exposure, again.counts_off, again.gti, again.mask_fit) == (None, None, None, None)


def test_exposure_without_live_time_is_said(tmp_path):
    dataset = make(np.random.default_rng(4))
    dataset.exposure.meta = {}
    with pytest.warns(GammafoldWarning, match="'made' has no live time: EXPOSURE = 1 s is written"):
        *_, path = write_onoff(dataset, tmp_path / "a.fits")
    assert_allclose(SpectrumDatasetOnOff.read(path).exposure.data, dataset.exposure.data)


def test_known_background(tmp_path):
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0]).to_spectrum_dataset(name="known")
    *_, path = write_onoff(dataset, tmp_path / "a.fits")
    again = SpectrumDatasetOnOff.read(path)
    assert_array_equal(again.background.data, dataset.background.data)
    assert isinstance(dataset, SpectrumDataset)


def test_what_cannot_be_written(tmp_path):
    dataset = make(np.random.default_rng(5))
    with pytest.raises(InputError, match=r"format is 'xspec': expected one of \['ogip', 'ogip-sherpa'\]"):
        write_onoff(dataset, tmp_path / "a.fits", format="xspec")
    dataset.counts = None
    with pytest.raises(InputError, match="'made' has no counts: there is no spectrum to write"):
        write_onoff(dataset, tmp_path / "a.fits")
