"""Statistics of spectra: chosen from the data, settable, right bin by bin, and kept by every operation."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.datasets.statistics import KNOWN_BACKGROUND, MEASURED_BACKGROUND, chosen
from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.stats.kernels import CStatistic, PGStatistic, WStatistic
from gammafold.utils.errors import InputError

AXIS = MapAxis.from_energy_bounds("1 keV", "10 keV", nbin=6)
ON, OFF, ALPHA = np.array([30.0, 22, 0, 9, 5, 41]), np.array([12.0, 8, 3, 0, 6, 20]), 0.25


def spectrum(cls=SpectrumDatasetOnOff, name="x", **errors):
    dataset = cls.create(AXIS, AXIS.copy(name="energy_true"), name=name)
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.exposure.data[:] = 1e4
    amplitude = 1.5e-3 * u.Unit("keV-1 cm-2 s-1")
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude=amplitude, index=1.5, reference="1 keV"), name="source")
    set_parts(dataset, counts=ON, **errors)
    if cls is SpectrumDatasetOnOff:
        set_parts(dataset, counts_off=OFF)
        dataset.acceptance, dataset.acceptance_off = 1.0, 1 / ALPHA
    else:
        dataset.background.data[:] = 2.0
    return dataset


def set_parts(dataset, **parts):
    for name, values in parts.items():
        data = np.broadcast_to(np.asarray(values, float).reshape(-1, 1, 1), dataset.data_shape).copy()
        setattr(dataset, name, RegionNDMap(dataset.geom, data=data))


@pytest.mark.parametrize(
    ("cls", "errors", "name"),
    [
        (SpectrumDataset, {}, "cash"),
        (SpectrumDataset, {"counts_error": 2}, "chi2"),
        (SpectrumDatasetOnOff, {}, "wstat"),
        (SpectrumDatasetOnOff, {"counts_off_error": 2}, "pgstat"),
        (SpectrumDatasetOnOff, {"counts_error": 2}, "chi2"),
    ],
)
def test_the_data_choose(cls, errors, name):
    dataset = spectrum(cls, **errors)
    assert dataset.stat_type == name
    assert dataset.info_dict()["stat_type"] == name
    assert dataset.explain().facts["Statistic"].startswith(f"{name}: ")
    dataset.stat_type = "chi2gehrels"
    assert chosen(dataset) == ("chi2gehrels", "as it was set")
    dataset.stat_type = None
    assert dataset.stat_type == name


def test_unknown_statistics_are_refused():
    with pytest.raises(InputError, match="stat_type of dataset 'x' is 'wstat': expected one of .'cash', 'cstat'"):
        spectrum(SpectrumDataset).stat_type = "wstat"
    with pytest.raises(InputError, match="stat_type of dataset 'x' is 'cash': expected one of .'wstat', 'pgstat'"):
        spectrum().stat_type = "cash"


def subtracted(npred, variance_on, variance_off):
    return (ON - ALPHA * OFF - npred) ** 2 / (variance_on + ALPHA**2 * variance_off)


ERROR_ON, ERROR_OFF = np.linspace(1, 6, 6), np.linspace(2, 5, 6)
EXPECTED = {
    "wstat": lambda s: WStatistic(ON, OFF, np.full(6, ALPHA)).per_bin(s),
    "pgstat": lambda s: PGStatistic(ON, ALPHA * OFF, ALPHA * ERROR_OFF).per_bin(s),
    "chi2": lambda s: subtracted(s, ERROR_ON**2, ERROR_OFF**2),
    "chi2modvar": lambda s: (ON - ALPHA * OFF - s) ** 2 / (s + ALPHA * OFF + ALPHA**2 * OFF),
}
# Where counts have no errors of their own, their number gives the variance.
FROM_COUNTS = {
    "chi2gehrels": (lambda n: (1 + np.sqrt(n + 0.75)) ** 2,) * 2,
    "chi2xspecvar": (lambda n: np.maximum(n, 1), lambda n: n),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_statistic_of_each_bin_with_errors(name):
    dataset = spectrum(counts_error=ERROR_ON, counts_off_error=ERROR_OFF)
    dataset.stat_type = name
    signal = dataset.npred_signal().data.ravel()
    assert_allclose(dataset.stat_array().ravel(), EXPECTED[name](signal), rtol=1e-12)
    assert dataset.stat_sum() == pytest.approx(EXPECTED[name](signal).sum(), rel=1e-12)


@pytest.mark.parametrize("name", FROM_COUNTS)
def test_statistic_of_each_bin_with_the_usual_variances(name):
    variance, variance_off = FROM_COUNTS[name]
    dataset = spectrum()
    dataset.stat_type = name
    signal = dataset.npred_signal().data.ravel()
    assert_allclose(dataset.stat_array().ravel(), subtracted(signal, variance(ON), variance_off(OFF)), rtol=1e-12)
    known = spectrum(SpectrumDataset)
    known.stat_type = name
    assert_allclose(known.stat_array().ravel(), (ON - known.npred().data.ravel()) ** 2 / variance(ON), rtol=1e-12)


def test_churazov_takes_the_mean_nearby():
    dataset = spectrum(SpectrumDataset)
    dataset.stat_type = "chi2churazov"
    # 25 counts: one bin, three bins, three, five, three and one of them.
    nearby = np.array([30, 52 / 3, 31 / 3, 77 / 5, 55 / 3, 41])
    assert_allclose(dataset.stat_array().ravel(), (ON - dataset.npred().data.ravel()) ** 2 / nearby, rtol=1e-12)


def test_cstat_differs_from_cash_by_data_alone():
    dataset = spectrum(SpectrumDataset)
    cash = dataset.stat_sum()
    dataset.stat_type = "cstat"
    assert dataset.stat_sum() == pytest.approx(CStatistic(ON).per_bin(dataset.npred().data.ravel()).sum(), rel=1e-12)
    dataset.models[0].parameters["amplitude"].value *= 1.1
    cstat = dataset.stat_sum()
    dataset.stat_type = "cash"
    difference = dataset.stat_sum() - cstat
    dataset.models[0].parameters["amplitude"].value /= 1.1
    dataset.stat_type = "cstat"
    assert cash - dataset.stat_sum() == pytest.approx(difference, rel=1e-12)


def test_errors_and_statistic_in_place_are_seen():
    dataset = spectrum(counts_error=ERROR_ON)
    dataset.stat_sum()
    dataset.counts_error.data *= 2
    assert dataset.stat_sum() == pytest.approx(spectrum(counts_error=2 * ERROR_ON).stat_sum())
    dataset.stat_type = "wstat"
    assert dataset.stat_sum() == pytest.approx(spectrum().stat_sum())
    dataset.stat_type = None
    dataset.counts_error = None
    assert dataset.stat_sum() == pytest.approx(spectrum().stat_sum())


def test_chi2_needs_errors_above_zero():
    dataset = spectrum()
    dataset.stat_type = "chi2"
    with pytest.raises(InputError, match="'x' has no counts_error, which the statistic 'chi2' needs: set it, or"):
        dataset.stat_sum()
    dataset.stat_type = "chi2datavar"
    set_parts(dataset, counts=np.zeros(6), counts_off=np.zeros(6))
    with pytest.raises(InputError, match="'x' has 6 bins to fit whose error is zero, which 'chi2datavar' cannot"):
        dataset.stat_sum()
    dataset.mask_fit = np.zeros(dataset.data_shape, bool)
    assert dataset.stat_sum() == 0


def test_counts_may_be_negative_only_with_errors():
    negative = RegionNDMap(spectrum().geom, data=-np.ones((6, 1, 1)))
    with pytest.raises(InputError, match="counts of dataset 'x' is negative"):
        spectrum().counts = negative
    dataset = spectrum(counts_error=1.0)
    dataset.counts = negative
    assert dataset.copy().counts.data.min() == -1
    assert dataset.slice_by_idx({"energy": slice(1, 3)}).counts.data.min() == -1
    assert SpectrumDataset(counts=negative, counts_error=dataset.counts_error).stat_type == "chi2"
    with pytest.raises(InputError, match="counts_error of dataset 'x' is negative"):
        dataset.counts_error = negative


def test_background_is_the_measured_one_or_the_one_that_fits():
    dataset = spectrum(counts_off_error=ERROR_OFF)
    kernel = PGStatistic(ON, ALPHA * OFF, ALPHA * ERROR_OFF)
    signal = dataset.npred_signal().data.ravel()
    assert_allclose(dataset.npred_background().data.ravel(), kernel.background(signal), rtol=1e-12)
    dataset.stat_type = "chi2gehrels"
    assert_allclose(dataset.npred_background().data.ravel(), ALPHA * OFF)
    assert_allclose(dataset.npred().data.ravel(), signal + ALPHA * OFF)
    assert_allclose(dataset.residuals().data.ravel(), ON - ALPHA * OFF - signal)


def test_significance_with_errors():
    dataset = spectrum(counts_error=ERROR_ON)
    excess, variance = (ON - ALPHA * OFF).sum(), (ERROR_ON**2 + ALPHA**2 * OFF).sum()
    assert dataset.info_dict()["sqrt_ts"] == pytest.approx(excess / np.sqrt(variance))
    known = spectrum(SpectrumDataset, counts_error=ERROR_ON)
    assert known.info_dict()["sqrt_ts"] == pytest.approx((ON - 2).sum() / np.sqrt((ERROR_ON**2).sum()))


@pytest.mark.parametrize("cls", [SpectrumDataset, SpectrumDatasetOnOff])
def test_draws_have_the_errors(cls):
    dataset = spectrum(cls, counts_error=0.01)
    expected = dataset.npred_signal().data + dataset.background.data
    if cls is SpectrumDatasetOnOff:
        set_parts(dataset, counts_off_error=0.02)
        off = dataset.counts_off.data.copy()
    dataset.fake(random_state=1)
    assert 0 < np.abs(dataset.counts.data - expected).max() < 0.05
    if cls is SpectrumDatasetOnOff:
        assert 0 < np.abs(dataset.counts_off.data - off).max() < 0.1


def test_merging_and_stacking_add_errors_in_quadrature():
    dataset = spectrum(counts_error=ERROR_ON, counts_off_error=ERROR_OFF)
    dataset.stat_type = "chi2"
    image = dataset.to_image()
    assert image.stat_type == "chi2"
    assert image.chosen_stat_type == "chi2"
    assert image.counts_error.data.item() == pytest.approx(np.sqrt((ERROR_ON**2).sum()))
    assert image.counts_off_error.data.item() == pytest.approx(np.sqrt((ERROR_OFF**2).sum()))
    poisson = spectrum(name="y")
    dataset.stack(poisson)
    # Poisson counts beside gaussian ones have the root of their number.
    assert_allclose(dataset.counts_error.data.ravel(), np.sqrt(ERROR_ON**2 + ON))
    assert_allclose(dataset.counts_off_error.data.ravel(), np.sqrt(ERROR_OFF**2 + OFF))
    masked = spectrum(counts_error=ERROR_ON)
    masked.mask_safe.data[:3] = False
    assert_array_equal(masked.to_masked().counts_error.data.ravel(), np.r_[0, 0, 0, ERROR_ON[3:]])
    stacked = spectrum(SpectrumDataset, counts_error=1.0)
    stacked.stack(spectrum(SpectrumDataset, name="z", counts_error=2.0))
    assert_allclose(stacked.counts_error.data, np.sqrt(5))


def test_known_background_keeps_the_errors_of_the_counts():
    dataset = spectrum(counts_error=ERROR_ON).to_spectrum_dataset()
    assert dataset.stat_type == "chi2"
    again = SpectrumDatasetOnOff.from_spectrum_dataset(dataset, 1, 4)
    assert_array_equal(again.counts_error.data.ravel(), ERROR_ON)


def test_fit_of_gaussian_data_is_the_weighted_mean():
    # A flat spectrum: the best norm is the mean of counts over width, weighted with the inverse of its variance.
    dataset = spectrum(SpectrumDataset, counts_error=ERROR_ON)
    dataset.background = None
    dataset.models[0].parameters["index"].value = 0
    dataset.models[0].parameters["index"].frozen = True
    result = Fit().run(dataset)
    shape = 1e4 * np.diff(AXIS.edges.value)
    weight = shape**2 / ERROR_ON**2
    best = (weight * ON / shape).sum() / weight.sum()
    amplitude = dataset.models[0].parameters["amplitude"]
    assert amplitude.quantity.to_value("keV-1 cm-2 s-1") == pytest.approx(best, rel=1e-6)
    assert amplitude.error == pytest.approx(weight.sum() ** -0.5, rel=1e-5)
    assert result.total_stat == pytest.approx(((ON - best * shape) ** 2 / ERROR_ON**2).sum(), rel=1e-9)


def test_different_statistics_in_one_fit():
    members = [spectrum(name="a"), spectrum(name="b", counts_error=ERROR_ON), spectrum(SpectrumDataset, name="c")]
    members[2].stat_type = "chi2modvar"
    for member in members:
        member.models = members[0].models
    datasets = Datasets(members)
    assert datasets.stat_sum() == pytest.approx(sum(member.stat_sum() for member in members), rel=1e-12)
    assert Fit().run(datasets).success


def test_every_statistic_can_be_fitted():
    for cls, names in ((SpectrumDataset, KNOWN_BACKGROUND), (SpectrumDatasetOnOff, MEASURED_BACKGROUND)):
        for name in names:
            dataset = spectrum(cls, counts_error=ERROR_ON if name == "chi2" else ERROR_ON * 0 + 1)
            if name != "chi2":
                dataset.counts_error = None
            dataset.mask_fit = np.arange(6).reshape(6, 1, 1) != 2
            dataset.stat_type = name
            result = Fit(on_failure="report").run(dataset)
            assert result.success, name


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("cls", [SpectrumDataset, SpectrumDatasetOnOff])
def test_errors_and_statistic_stay_in_files(tmp_path, cls, lazy):
    dataset = spectrum(cls, counts_error=ERROR_ON)
    set_parts(dataset, counts=-ON)
    dataset.stat_type = "chi2"
    if cls is SpectrumDatasetOnOff:
        set_parts(dataset, counts_off_error=ERROR_OFF)
    dataset.write(tmp_path / "a.fits")
    again = cls.read(tmp_path / "a.fits", lazy=lazy, format="gadf")
    assert_array_equal(again.counts.data, dataset.counts.data)
    assert_array_equal(again.counts_error.data, dataset.counts_error.data)
    assert again.chosen_stat_type == "chi2"
    again.models = dataset.models
    assert again.stat_sum() == pytest.approx(dataset.stat_sum(), rel=1e-12)
