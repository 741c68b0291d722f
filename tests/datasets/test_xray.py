"""X-ray spectra read as datasets: errors, grouping, scales and several backgrounds; and Chandra's 3C 273."""

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import GammafoldWarning

EDGES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
COUNTS = np.array([30, 22, 11, 5])
OFF = np.array([12, 8, 3, 6])


def table(name, columns, **keywords):
    made = [fits.Column(key, form, array=values, unit=unit) for key, (form, values, unit) in columns.items()]
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    hdu.header.update(keywords)
    return hdu


def write(path, *hdus):
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)
    return path


@pytest.fixture
def make(tmp_path):
    """Write a spectrum of four channels with a diagonal response of 100 cm2."""
    low, high = EDGES[:-1], EDGES[1:]
    energies = {"ENERG_LO": ("D", low, "keV"), "ENERG_HI": ("D", high, "keV")}
    bounds = {"CHANNEL": ("I", np.arange(1, 5), None), "E_MIN": ("D", low, "keV"), "E_MAX": ("D", high, "keV")}
    one = np.ones(4, int)
    matrix = energies | {
        "N_GRP": ("I", one, None),
        "F_CHAN": ("I", np.arange(1, 5), None),
        "N_CHAN": ("I", one, None),
        "MATRIX": ("E", one.astype(float), None),
    }
    write(tmp_path / "a.rmf", table("MATRIX", matrix, TLMIN4=1), table("EBOUNDS", bounds))
    write(tmp_path / "a.arf", table("SPECRESP", energies | {"SPECRESP": ("D", np.full(4, 100.0), "cm2")}))

    def spectrum(name, counts, columns=None, extra=(), **keywords):
        columns = {"CHANNEL": ("I", np.arange(1, 5), None), "COUNTS": ("D", counts, None)} | (columns or {})
        common = {"POISSERR": True, "EXPOSURE": 50.0, "BACKSCAL": 1.0, "AREASCAL": 1.0, "HDUCLAS1": "SPECTRUM"}
        common |= {"RESPFILE": "a.rmf", "ANCRFILE": "a.arf", "BACKFILE": "none"}
        keep = {key: value for key, value in (common | keywords).items() if key not in columns}
        return write(tmp_path / name, table("SPECTRUM", columns, **keep), *extra)

    return spectrum


def test_scales_of_source_and_background(make):
    make("b.pha", OFF, EXPOSURE=200.0, BACKSCAL=4.0, AREASCAL=0.5)
    dataset = SpectrumDatasetOnOff.read(make("a.pha", COUNTS, BACKFILE="b.pha", BACKSCAL=2.0, AREASCAL=0.8))
    assert_allclose(dataset.alpha.data, 50 * 2 * 0.8 / (200 * 4 * 0.5))
    # The area scale is one of the exposure, and never of the counts.
    assert_array_equal(dataset.counts.data.ravel(), COUNTS)
    dataset.models = SkyModel(PowerLawSpectralModel(index=0, amplitude="1 keV-1 cm-2 s-1", reference="1 keV"), name="m")
    assert_allclose(dataset.npred_signal().data.ravel(), 0.8 * 100 * 50 * np.diff(EDGES), rtol=1e-9)


def test_channels_that_are_all_flagged_are_told(make):
    dataset = SpectrumDatasetOnOff.read(make("a.pha", COUNTS, QUALITY=2))
    assert not dataset.mask_safe.data.any()
    assert "QUALITY flags every channel; all are masked" in str(dataset.explain())


def test_channels_without_scale_are_masked(make):
    make("b.pha", OFF, columns={"BACKSCAL": ("E", [1, 0, 1, 1], None)})
    path = make("a.pha", COUNTS, columns={"AREASCAL": ("E", [0, 1, 1, 1], None)}, BACKFILE="b.pha")
    dataset = SpectrumDatasetOnOff.read(path)
    assert_array_equal(dataset.mask_safe.data.ravel(), [False, False, True, True])
    assert np.isfinite(dataset.alpha.data).all()
    assert np.isfinite(dataset.stat_sum())


def test_gaussian_errors_make_chi_squared(make):
    columns = {"STAT_ERR": ("E", [5, 4, 3, 2], None), "SYS_ERR": ("E", [0.1, 0, 0, 0], None)}
    dataset = SpectrumDatasetOnOff.read(make("a.pha", COUNTS + 0.5, columns, POISSERR=False))
    assert dataset.stat_type == "chi2"
    assert_allclose(dataset.counts_error.data.ravel(), [np.hypot(5, 3.05), 4, 3, 2])
    assert_allclose(dataset.stat_array().ravel(), (COUNTS + 0.5) ** 2 / dataset.counts_error.data.ravel() ** 2)


def test_rates_become_counts_with_errors(make):
    columns = {"RATE": ("E", COUNTS / 50, None), "STAT_ERR": ("E", [0.1] * 4, None)}
    path = make("a.pha", COUNTS, columns, POISSERR=False)
    with fits.open(path, mode="update") as hdus:
        hdus[1].columns.del_col("COUNTS")
    dataset = SpectrumDatasetOnOff.read(path)
    assert_allclose(dataset.counts.data.ravel(), COUNTS, rtol=1e-6)
    assert_allclose(dataset.counts_error.data, 5, rtol=1e-6)


def test_background_with_gaussian_errors_makes_pgstat(make):
    make("b.pha", OFF + 0.25, {"STAT_ERR": ("E", [2.0] * 4, None)}, POISSERR=False)
    dataset = SpectrumDatasetOnOff.read(make("a.pha", COUNTS, BACKFILE="b.pha"))
    assert dataset.stat_type == "pgstat"
    assert_array_equal(dataset.counts_off_error.data, 2.0)


def test_systematic_errors_of_poisson_counts_are_said(make):
    path = make("a.pha", COUNTS, {"SYS_ERR": ("E", [0.1] * 4, None)})
    with pytest.warns(GammafoldWarning, match="SYS_ERR, up to 0.1, is left out: Poisson counts have no place for it"):
        assert SpectrumDatasetOnOff.read(path).stat_type == "wstat"
    with pytest.warns(GammafoldWarning) as warned:
        SpectrumDatasetOnOff.read(path, poisson=False)
    assert any("SYS_ERR, up to 0.1, is left out: there is no STAT_ERR beside it" in str(one.message) for one in warned)


def test_errors_that_are_those_of_poisson_counts(make):
    for error in (np.sqrt(COUNTS), 1 + np.sqrt(COUNTS + 0.75)):
        path = make("a.pha", COUNTS, {"STAT_ERR": ("E", error, None)}, POISSERR=False)
        with pytest.warns(GammafoldWarning, match="POISSERR = F, but STAT_ERR is the one of Poisson counts"):
            dataset = SpectrumDatasetOnOff.read(path)
        assert dataset.stat_type == "wstat"
        assert any("STAT_ERR" in note for note in dataset.notes)
        asked = SpectrumDatasetOnOff.read(path, poisson=False)
        assert asked.stat_type == "chi2"
        assert_allclose(asked.counts_error.data.ravel(), error, rtol=1e-6)


def test_net_spectrum_may_be_negative_and_takes_no_background(make):
    make("b.pha", OFF)
    columns = {"STAT_ERR": ("E", [5, 4, 3, 2], None)}
    path = make("a.pha", COUNTS - 8.5, columns, POISSERR=False, HDUCLAS2="NET", BACKFILE="b.pha")
    with pytest.warns(GammafoldWarning) as record:
        dataset = SpectrumDatasetOnOff.read(path)
    texts = [str(one.message) for one in record]
    assert any("HDUCLAS2 = NET" in text for text in texts)
    assert any("b.pha[SPECTRUM] is left out: the background of" in text for text in texts)
    assert dataset.counts_off is None
    assert dataset.counts.data.min() == -3.5


def test_grouping_then_quality(make):
    columns = {"GROUPING": ("I", [1, -1, 1, -1], None), "QUALITY": ("I", [0, 0, 0, 5], None)}
    make("b.pha", OFF)
    path = make("a.pha", COUNTS, columns, BACKFILE="b.pha")
    dataset = SpectrumDatasetOnOff.read(path)
    assert_array_equal(dataset.counts.data.ravel(), [52, 16])
    assert_array_equal(dataset.counts_off.data.ravel(), [20, 9])
    assert_array_equal(dataset.mask_safe.data.ravel(), [True, False])
    assert_allclose(dataset.reco_energy_axis.edges.value, [0.5, 2, 8])
    assert any("4 channels in 2 bins (GROUPING)" in note for note in dataset.notes)
    ungrouped = SpectrumDatasetOnOff.read(path, group=False)
    assert_array_equal(ungrouped.counts.data.ravel(), COUNTS)
    assert_array_equal(ungrouped.mask_safe.data.ravel(), [True, True, True, False])


def test_several_backgrounds_add_up(make, tmp_path):
    make("b.pha", OFF, BACKSCAL=3.0)
    make("c.pha", OFF * 2, BACKSCAL=5.0, EXPOSURE=100.0)
    path = make("a.pha", COUNTS)
    dataset = SpectrumDatasetOnOff.read(path, background=[tmp_path / "b.pha", tmp_path / "c.pha"])
    assert_array_equal(dataset.counts_off.data.ravel(), OFF * 3)
    assert_allclose(dataset.alpha.data, 1 / (3 + 2 * 5))
    assert any("2 backgrounds added up" in note for note in dataset.notes)


def test_backgrounds_of_both_kinds(make, tmp_path):
    make("b.pha", OFF)
    make("c.pha", OFF + 0.5, {"STAT_ERR": ("E", [2.0] * 4, None)}, POISSERR=False)
    dataset = SpectrumDatasetOnOff.read(make("a.pha", COUNTS), background=[tmp_path / "b.pha", tmp_path / "c.pha"])
    assert_allclose(dataset.counts_off_error.data.ravel(), np.sqrt(OFF + 4))


def test_background_without_exposure_is_left_out_aloud(make):
    make("b.pha", OFF, EXPOSURE=0.0)
    path = make("a.pha", COUNTS, BACKFILE="b.pha")
    with pytest.warns(GammafoldWarning, match=r"b.pha\[SPECTRUM\] is left out: a background without exposure"):
        assert SpectrumDatasetOnOff.read(path).counts_off is None


def test_times_and_regions_of_other_dialects_are_left_out_aloud(make):
    gti = table("GTI", {"START": ("D", [1.0], "s"), "STOP": ("D", [2.0], "s")})
    region = table("REGION", {"SHAPE": ("8A", ["Annulus"], None), "X": ("D", [4000.0], None)})
    path = make("a.pha", COUNTS, extra=(gti, region))
    with pytest.warns(GammafoldWarning) as record:
        dataset = SpectrumDatasetOnOff.read(path)
    texts = [str(one.message) for one in record]
    assert any("left without good time intervals" in text for text in texts)
    assert any("left without a region" in text for text in texts)
    assert dataset.gti is None
    assert dataset.geom.region is None
    assert_array_equal(dataset.counts.data.ravel(), COUNTS)


# Chandra observed 3C 273; Sherpa 4.19 gives the same numbers: see tests/interop/test_ogip_sherpa.py.


@pytest.fixture
def quasar(shared_data):
    """Read the spectrum between 0.5 and 7 keV, with a power law."""

    def read(group, stat_type):
        with pytest.warns(GammafoldWarning, match="STAT_ERR is the one of Poisson counts"):
            dataset = SpectrumDatasetOnOff.read(shared_data / "ogip-xray" / "3c273.pi", group=group)
        edges = dataset.reco_energy_axis.edges.to_value("keV")
        dataset.mask_fit = ((edges[1:] > 0.5) & (edges[:-1] < 7)).reshape(dataset.data_shape)
        dataset.stat_type = stat_type
        model = PowerLawSpectralModel(index=2, amplitude="1e-4 cm-2 s-1 keV-1", reference="1 keV")
        dataset.models = SkyModel(model, name="quasar")
        return dataset

    return read


@pytest.mark.shared
@pytest.mark.parametrize(
    ("group", "stat_type", "n_bins", "stat", "index", "index_error", "norm", "norm_error"),
    [
        (False, None, 446, 497.532, (1.89504, 3e-3), 0.0592, (1.82141e-4, 3e-3), 9.63e-6),
        (True, "chi2gehrels", 42, 22.3921, (1.93116, 1e-3), 0.0715, (1.741367e-4, 1e-3), 1.1541e-5),
        (True, "chi2xspecvar", 42, 36.4832, (1.92980, 1e-3), 0.0559, (1.738611e-4, 1e-3), 9.05e-6),
    ],
)
def test_3c273(quasar, group, stat_type, n_bins, stat, index, index_error, norm, norm_error):
    dataset = quasar(group, stat_type)
    assert dataset.stat_type == (stat_type or "wstat")
    result = Fit().run(dataset)
    assert result.success
    assert dataset.mask.data.sum() == n_bins
    # The reference is printed with this many digits, and its fit stops a little before the minimum.
    assert result.total_stat == pytest.approx(stat, abs=5.5e-4 if n_bins == 446 else 1e-4)
    found = dataset.models[0].parameters
    assert found["index"].value == pytest.approx(index[0], abs=index[1] * index_error)
    assert found["index"].error == pytest.approx(index_error, rel=2e-3)
    assert found["amplitude"].value == pytest.approx(norm[0], abs=index[1] * norm_error)
    assert found["amplitude"].error == pytest.approx(norm_error, rel=2e-3)
