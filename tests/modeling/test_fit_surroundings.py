"""Profiles, surfaces, contours and asymmetric errors, against minimisations one by one."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq, minimize

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling import Fit, Parameter
from gammafold.modeling.models import LogParabolaSpectralModel, PowerLawSpectralModel, SkyModel
from gammafold.modeling.scan import scan_values
from gammafold.samples import sample_files
from gammafold.utils.errors import FitError, GammafoldWarning, InputError, InputTypeError, UnitsError, UnknownNameError

NAMES = ["amplitude", "alpha", "beta"]


@pytest.fixture(scope="module")
def fitted():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    spectrum = LogParabolaSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", reference=1 * u.TeV, alpha=2.5, beta=0.15)
    datasets.models = SkyModel(spectrum, name="crab")
    return datasets, Fit().run(datasets)


def profile(likelihood, best, errors, held, values):
    """Minimise over all other parameters with an optimiser that needs no derivatives of ours."""
    others = [i for i in range(len(best)) if i not in held]

    def statistic(x):
        theta = best.copy()
        theta[held] = values
        theta[others] = best[others] + x * errors[others]
        return float(likelihood.stat(theta))

    found = minimize(statistic, np.zeros(len(others)), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    assert found.success
    return found.fun


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize("name", NAMES)
def test_asymmetric_errors(fitted, name, sigma):
    datasets, result = fitted
    likelihood = datasets.likelihood()
    i = NAMES.index(name)
    best, errors = result.values, result.errors

    def rise(distance):
        value = best[i] + distance * errors[i]
        return profile(likelihood, best, errors, [i], value) - result.total_stat - sigma**2

    found = Fit().confidence(datasets, name, sigma=sigma)
    assert found["success"]
    assert found["status"] == ("converged", "converged")
    assert_allclose(found["errn"], -brentq(rise, -3 * sigma, -0.3 * sigma, rtol=1e-6) * errors[i], rtol=1e-4)
    assert_allclose(found["errp"], brentq(rise, 0.3 * sigma, 3 * sigma, rtol=1e-6) * errors[i], rtol=1e-4)
    assert_allclose(found["stat"], result.total_stat)


def test_asymmetric_errors_without_reoptimisation(fitted):
    datasets, result = fitted
    likelihood = datasets.likelihood()
    found = Fit().confidence(datasets, "alpha", reoptimize=False)
    for sign, key in ((-1, "errn"), (1, "errp")):
        theta = result.values.copy()
        theta[1] += sign * found[key]
        assert_allclose(float(likelihood.stat(theta)) - result.total_stat, 1, rtol=1e-4)


@pytest.mark.parametrize("reoptimize", [False, True])
def test_profile(fitted, reoptimize):
    datasets, result = fitted
    likelihood = datasets.likelihood()
    values = result.values[1] + result.errors[1] * np.array([-2.5, -1, 0, 0.7, 3])
    found = Fit().stat_profile(datasets, "alpha", reoptimize=reoptimize, values=values)
    assert found["success"].all()
    assert_allclose(found["alpha_scan"], values)
    assert_allclose(likelihood.stat(found["parameters"]), found["stat_scan"])
    for value, stat in zip(values, found["stat_scan"], strict=True):
        theta = result.values.copy()
        theta[1] = value
        expected = (
            profile(likelihood, result.values, result.errors, [1], value)
            if reoptimize
            else float(likelihood.stat(theta))
        )
        assert_allclose(stat, expected, rtol=0, atol=1e-6)


def test_values_of_a_profile(fitted):
    datasets, result = fitted
    parameter = datasets.parameters["alpha"]
    found = Fit().stat_profile(datasets, parameter)
    low, high = result.values[1] - 2 * result.errors[1], result.values[1] + 2 * result.errors[1]
    assert_allclose(found["alpha_scan"], np.linspace(low, high, 11))
    amplitude = Fit().stat_profile(datasets, "amplitude", values=[4e-7, 5e-7] * u.Unit("m-2 s-1 TeV-1"))
    assert_allclose(amplitude["amplitude_scan"], [4e-11, 5e-11])


@pytest.mark.parametrize("reoptimize", [False, True])
def test_surface(fitted, reoptimize):
    datasets, result = fitted
    likelihood = datasets.likelihood()
    found = Fit().stat_surface(datasets, "alpha", "beta", reoptimize=reoptimize)
    assert found["stat_scan"].shape == found["success"].shape == (11, 11)
    assert found["success"].all()
    for i, j in ((0, 0), (5, 5), (3, 9), (10, 2)):
        pair = np.array([found["alpha_scan"][i], found["beta_scan"][j]])
        theta = result.values.copy()
        theta[1:] = pair
        expected = float(likelihood.stat(theta))
        if reoptimize:
            expected = profile(likelihood, result.values, result.errors, [1, 2], pair)
        assert_allclose(found["stat_scan"][i, j], expected, rtol=0, atol=1e-6)
    assert_allclose(found["stat_scan"].min(), found["stat_scan"][5, 5])
    assert_allclose(found["stat_scan"][5, 5], result.total_stat)


@pytest.mark.parametrize("sigma", [1.0, 1.5152])
def test_contour(fitted, sigma):
    datasets, result = fitted
    likelihood = datasets.likelihood()
    found = Fit().stat_contour(datasets, "amplitude", "beta", numpoints=16, sigma=sigma)
    assert found["success"]
    assert found["status"] == ("converged",) * 16
    points = np.stack([found["amplitude"], found["beta"]], axis=1)
    for pair in points[::3]:
        stat = profile(likelihood, result.values, result.errors, [0, 2], pair)
        assert_allclose(stat - result.total_stat, sigma**2, rtol=1e-4)
    # In order around the minimum.
    centered = (points - result.values[[0, 2]]) / result.errors[[0, 2]]
    angles = np.unwrap(np.arctan2(centered[:, 1], centered[:, 0]))
    assert (np.diff(angles) > 0).all() or (np.diff(angles) < 0).all()
    assert abs(abs(angles[-1] - angles[0]) - 2 * np.pi) < 1.5


@pytest.mark.parametrize(
    "scan",
    [
        lambda datasets, n: Fit().stat_profile(datasets, "alpha", reoptimize=True, values=np.linspace(2.1, 2.6, n)),
        lambda datasets, n: Fit().stat_contour(datasets, "alpha", "beta", numpoints=n),
    ],
)
def test_points_are_one_batch(fitted, scan, monkeypatch):
    datasets, _ = fitted
    rows = []
    normal_equations = Likelihood.normal_equations

    def counting(self, theta, *some):
        rows.append(len(theta))
        return normal_equations(self, theta, *some)

    monkeypatch.setattr(Likelihood, "normal_equations", counting)
    scan(datasets, 5)
    few = len(rows)
    rows.clear()
    scan(datasets, 100)
    # Twenty times as many points are larger batches, and hardly more of them.
    assert len(rows) < 3 * few
    assert max(rows) == 100


def test_interval_that_meets_a_limit():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    datasets.models = SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    result = Fit().run(datasets)
    index = datasets.parameters["index"]
    index.max = result["index"][0] + 0.3 * result["index"][1]
    with pytest.warns(GammafoldWarning, match="1 sigma interval of 'index' is incomplete.*upper end at limit"):
        found = Fit().confidence(datasets, "index")
    assert not found["success"]
    assert found["status"] == ("converged", "at limit")
    assert_allclose(found["errp"], 0.3 * result["index"][1], rtol=1e-6)


def test_parameters_of_one_name():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    names = datasets.names
    datasets.models = [
        SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="first", datasets_names=names[:2]),
        SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="second", datasets_names=names[2:]),
    ]
    result = Fit().run(datasets)
    assert result.names == ("first.index", "first.amplitude", "second.index", "second.amplitude")
    with pytest.raises(UnknownNameError, match="several free parameters are called 'index': there are .*first.index"):
        Fit().confidence(datasets, "index")
    assert result["first.spectral.index"] == result["first.index"]
    with pytest.raises(UnknownNameError, match="several parameters match 'index'"):
        result["index"]
    found = Fit().confidence(datasets, "second.index")
    assert_allclose(found["errp"], result["second.index"][1], rtol=0.1)
    contour = Fit().stat_contour(datasets, "first.index", datasets.parameters[3], numpoints=8)
    assert contour["success"]
    assert set(contour) == {"index_1", "index_2", "success", "status"}


def test_what_cannot_be_followed(fitted):
    datasets, _ = fitted
    fit = Fit()
    with pytest.raises(UnknownNameError, match="no free parameter 'gamma'"):
        fit.confidence(datasets, "gamma")
    with pytest.raises(UnknownNameError, match="is not a free parameter of these datasets"):
        fit.stat_profile(datasets, datasets.parameters["reference"])
    with pytest.raises(UnknownNameError, match="'alpha' is given twice"):
        fit.stat_contour(datasets, "alpha", "alpha")
    with pytest.raises(InputError, match="numpoints is 3: a contour needs at least 4"):
        fit.stat_contour(datasets, "alpha", "beta", numpoints=3)
    with pytest.raises(InputError, match="sigma is -1: expected a number above 0"):
        fit.stat_contour(datasets, "alpha", "beta", sigma=-1)
    with pytest.raises(InputError, match="sigma is 0: expected a number above 0"):
        fit.confidence(datasets, "alpha", sigma=0)
    with pytest.raises(InputTypeError, match="the values to scan of parameter 'alpha' are 'many': expected numbers"):
        fit.stat_profile(datasets, "alpha", values="many")
    with pytest.raises(InputError, match="'alpha' are .*nan.*: expected a list of finite numbers"):
        fit.stat_profile(datasets, "alpha", values=[2, np.nan])
    with pytest.raises(InputError, match="expected a list of finite numbers"):
        fit.stat_profile(datasets, "alpha", values=[])
    with pytest.raises(UnitsError, match="'amplitude' are in TeV: expected a unit like"):
        fit.stat_profile(datasets, "amplitude", values=[1, 2] * u.TeV)
    with pytest.raises(InputError, match="numpoints is 10.5: a contour needs at least 4, a whole number"):
        fit.stat_contour(datasets, "alpha", "beta", numpoints=10.5)
    with pytest.raises(InputError, match="sigma is 'a': expected a number above 0"):
        fit.confidence(datasets, "alpha", sigma="a")


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_where_a_formula_overflows_a_profile_says_so_and_is_quiet(fitted):
    datasets, _ = fitted
    found = Fit().stat_profile(datasets, "alpha", values=[2.3, 1000])
    assert list(found["success"]) == [True, False]


def test_the_name_of_the_model_may_always_be_said(fitted):
    datasets, result = fitted
    fit = Fit()
    (model,) = datasets.models.names
    expected = fit.confidence(datasets, "alpha")
    for name in (f"{model}.alpha", f"{model}.spectral.alpha"):
        assert result[name] == result["alpha"]
        assert fit.confidence(datasets, name) == expected
    with pytest.raises(UnknownNameError, match=f"no free parameter '{model}.alpah'"):
        result[f"{model}.alpah"]


def test_no_contour_away_from_a_minimum():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    datasets.models = SkyModel(PowerLawSpectralModel(index=9, amplitude="4e-9 cm-2 s-1 TeV-1"), name="crab")
    with pytest.raises(FitError, match="not at a minimum; run the fit first"):
        Fit().stat_contour(datasets, "index", "amplitude")
    with pytest.raises(FitError, match="no interval: the parameters are not at a minimum; run the fit first"):
        Fit().confidence(datasets, "index")
    # A start from which the statistic rises all around, but not from its minimum.
    datasets.models[0].spectral_model.index.value = 2
    with pytest.raises(FitError, match="no interval: the parameters are not at a minimum"):
        Fit().confidence(datasets, "index")


def test_errors_from_a_rounded_minimum(fitted):
    """A fit written down with few digits is as good a start: the ends of the interval stay where they are."""
    datasets, _ = fitted
    fit = Fit()
    alpha = datasets.parameters["alpha"]
    best = fit.confidence(datasets, "alpha")
    ends = alpha.value - best["errn"], alpha.value + best["errp"]
    with datasets.parameters.restore_status():
        alpha.value += 0.02 * alpha.error
        near = fit.confidence(datasets, "alpha")
        assert_allclose([alpha.value - near["errn"], alpha.value + near["errp"]], ends, atol=0.01 * alpha.error)


def test_no_values_to_scan_without_an_error():
    parameter = Parameter("index", 2.0)
    with pytest.raises(InputError, match="'index' has no error to choose scan values from: run the fit first"):
        scan_values(parameter, 2.0, 0.0)
