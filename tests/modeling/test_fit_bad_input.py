"""Fits that cannot work, or only half: a clear message, or a truthful flag."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis
from gammafold.modeling import Fit, Parameter
from gammafold.modeling.models import (
    ConstantSpectralModel,
    FoVBackgroundModel,
    GaussianPrior,
    LogUniformPrior,
    PowerLawSpectralModel,
    SkyModel,
    SpectralModel,
    UniformPrior,
)
from gammafold.utils.errors import FitError, GammafoldWarning, InputError, InputTypeError, UnitsError

FLUX = u.Unit("cm-2 s-1 TeV-1")
BACKENDS = ["minuit", "scipy", "fisher-scoring"]


@pytest.fixture
def dataset():
    """Five hundred counts of a power law of index 2 over a flat background."""
    edges = np.geomspace(1, 20, 11) * u.TeV
    axis = MapAxis.from_energy_edges(edges)
    dataset = SpectrumDataset.create(axis, axis.copy(name="energy_true"), name="toy")
    dataset.exposure.quantity = np.full(dataset.exposure.data.shape, 1e13) * u.Unit("cm2 s")
    dataset.edisp = None
    dataset.mask_safe.data[...] = True
    dataset.background.data[...] = 5.0
    dataset.models = SkyModel(PowerLawSpectralModel(index=2, amplitude=5e-11 * FLUX), name="source")
    dataset.fake(random_state=1)
    return dataset


def spectrum(dataset):
    return dataset.models[0].spectral_model


def quiet(dataset, backend="minuit", **options):
    return Fit(backend, on_failure="report", **options).run(dataset)


# -- nothing to start with


def test_nothing_to_fit(dataset):
    with pytest.raises(InputTypeError, match="cannot fit 5: expected Datasets, a Dataset or a list"):
        Fit().run(5)
    with pytest.raises(InputTypeError, match=r"cannot fit \[\]: expected"):
        Fit().run([])
    dataset.models = None
    with pytest.raises(FitError, match=r"cannot fit \['toy'\]: no models are set"):
        Fit().run(dataset)


def test_no_free_parameter(dataset):
    dataset.models[0].freeze()
    with pytest.raises(FitError, match="no free parameter, all of .*'index', 'amplitude', 'reference'.* are frozen"):
        Fit().run(dataset)


def test_no_bin(dataset):
    dataset.mask_safe.data[...] = False
    with pytest.raises(FitError, match="no bin lies inside the safe and fit masks"):
        Fit().run(dataset)


def test_start_outside_limits(dataset):
    spectrum(dataset).index.min = 3
    with pytest.raises(FitError, match=r"'index' of model 'source' starts at 2 , outside its limits \[3, nan\]"):
        Fit().run(dataset)


def test_unknown_backend_and_options(dataset):
    with pytest.raises(InputError, match=r"no fit backend 'magic': there are \['fisher-scoring', 'minuit', 'scipy'\]"):
        Fit("magic").run(dataset)
    with pytest.raises(InputError, match=r"minuit has no option \['speed'\]"):
        Fit(optimize_opts={"speed": 9}).run(dataset)
    with pytest.raises(InputError, match=r"fisher-scoring has no option \['tol'\]"):
        Fit("fisher-scoring", optimize_opts={"tol": 9}).run(dataset)
    with pytest.raises(InputTypeError, match="on_failure is 'shrug': expected one of"):
        Fit(on_failure="shrug")
    late = Fit()
    late.backend = "magic"
    with pytest.raises(InputError, match="no fit backend 'magic'"):
        late.run(dataset)


@pytest.mark.parametrize(
    ("backend", "options", "match"),
    [
        ("minuit", "fast", "the options of minuit are 'fast': expected a dict"),
        ("minuit", {"strategy": 7}, "'strategy' of minuit is 7: expected 0, 1 or 2"),
        ("minuit", {"tol": -1}, "'tol' of minuit is -1: expected a number above 0"),
        ("minuit", {"tol": np.nan}, "'tol' of minuit is nan: expected a number above 0"),
        ("minuit", {"max_evaluations": 2.5}, "'max_evaluations' of minuit is 2.5: expected a whole number above 0"),
        ("fisher-scoring", {"max_iterations": 0}, "'max_iterations' of fisher-scoring is 0: expected a whole number"),
        ("scipy", {"method": "Foo"}, "'method' of scipy is 'Foo': expected one of .*'L-BFGS-B'"),
        ("scipy", {"method": "dogleg"}, "'method' of scipy is 'dogleg': expected one of"),
        ("scipy", {"tol": "a"}, "'tol' of scipy is 'a': expected a number above 0"),
    ],
)
def test_values_of_options_are_checked_at_once(backend, options, match):
    with pytest.raises((InputError, InputTypeError), match=match):
        Fit(backend, optimize_opts=options)


def test_an_option_that_scipy_does_not_know(dataset):
    with pytest.raises(InputError, match="the method L-BFGS-B of scipy: Unknown solver options: maxitre"):
        quiet(dataset, "scipy", optimize_opts={"maxitre": 3})


@pytest.mark.parametrize("method", ["bfgs", "CG", "Newton-CG", "TNC", "Nelder-Mead", "COBYQA", "trust-constr"])
def test_methods_of_scipy_end_at_one_minimum(dataset, method):
    best = quiet(dataset)
    found = quiet(dataset, "scipy", optimize_opts={"method": method})
    assert found.success
    assert_allclose(found.total_stat, best.total_stat, atol=1e-8)
    spectrum(dataset).index.max = 5
    if method in ("bfgs", "CG", "Newton-CG"):
        with pytest.raises(InputError, match="of scipy knows no limits, and there are some: use one of"):
            quiet(dataset, "scipy", optimize_opts={"method": method})
    else:
        assert quiet(dataset, "scipy", optimize_opts={"method": method}).success


# -- statistics that are not finite


def test_counts_where_none_are_predicted(dataset):
    dataset.background.data[...] = 0
    spectrum(dataset).amplitude.value = 0
    with pytest.raises(FitError, match="statistic is inf at the start: dataset 'toy' has counts in 10 bins where"):
        Fit().run(dataset)


class Broken(SpectralModel):
    """A flux that is not a number below an index of 1.5."""

    tag = ("Broken", "broken")
    index = Parameter("index", 2.0)
    amplitude = Parameter("amplitude", "5e-11 cm-2 s-1 TeV-1")

    @staticmethod
    def evaluate(energy, index, amplitude):
        flux = amplitude * (energy / (1 * u.TeV)).to_value("") ** -index
        return np.where(index < 1.5, np.nan, 1.0) * flux


def test_a_model_that_is_not_a_number(dataset):
    dataset.models = SkyModel(Broken(index=1.2), name="source")
    with pytest.raises(InputError, match="model 'source' of dataset 'toy' gives no finite flux at 1.162 TeV"):
        Fit().run(dataset)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_model_that_is_a_number_near_the_minimum(dataset, backend):
    dataset.models = SkyModel(Broken(index=2.9, amplitude=1e-9 * FLUX), name="source")
    result = quiet(dataset, backend)
    dataset.models = SkyModel(PowerLawSpectralModel(index=2, amplitude=5e-11 * FLUX), name="source")
    expected = Fit().run(dataset)
    if result.success:
        assert_allclose((result.values - expected.values) / expected.errors, 0, atol=1e-4)
    else:
        assert result.covariance is None
        assert not result.errors.any()
    assert np.isfinite(result.total_stat)


class Cliff(SpectralModel):
    """A flux that the data pull to an index at which it is not a number."""

    tag = ("Cliff", "cliff")
    index = Parameter("index", 3.0)
    amplitude = Parameter("amplitude", "5e-11 cm-2 s-1 TeV-1", frozen=True)

    @staticmethod
    def evaluate(energy, index, amplitude):
        flux = amplitude * (energy / (1 * u.TeV)).to_value("") ** -index
        return np.where(index < 2.5, np.nan, 1.0) * flux


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_minimum_beyond_the_model(dataset, backend):
    dataset.models = SkyModel(Cliff(), name="source")
    result = quiet(dataset, backend)
    assert not result.success
    assert result.covariance is None
    assert result.covariance_method == "none"
    assert np.isfinite(result.total_stat)
    assert result["index"][0] >= 2.5
    with pytest.warns(GammafoldWarning, match="the fit did not converge"):
        Fit(backend).run(dataset)
    with pytest.raises(FitError, match="the fit did not converge"):
        Fit(backend, on_failure="raise").run(dataset)


def test_errors_of_an_earlier_fit_do_not_survive_a_failure(dataset):
    Fit().run(dataset)
    assert spectrum(dataset).index.error > 0
    spectrum(dataset).index.value = 5
    result = quiet(dataset, optimize_opts={"max_evaluations": 1})
    if not result.success:
        assert spectrum(dataset).index.error == 0


# -- negative fluxes


def test_a_negative_flux_is_said(dataset):
    dataset.counts.data[...] = 3  # fewer than the background
    with pytest.warns(GammafoldWarning, match="the models predict negative counts in 10 bins of dataset 'toy'"):
        dataset_result = Fit().run(dataset)
    assert dataset_result.success
    assert dataset_result["amplitude"][0] < 0
    assert "negative counts" in repr(dataset_result)


def test_a_flux_that_would_be_negative_stops_at_its_limit(dataset):
    dataset.counts.data[...] = 3
    spectrum(dataset).amplitude.min = 0
    spectrum(dataset).index.frozen = True
    for backend in BACKENDS:
        spectrum(dataset).amplitude.value = 1e-11
        result = quiet(dataset, backend)
        assert result.success
        assert result.at_limit == ("amplitude",)
        assert result["amplitude"] == (0.0, 0.0)
        assert "every parameter lies on a limit: no errors" in result.message
        assert result.covariance is None
        assert result.warnings == ()


# -- limits


@pytest.mark.parametrize("backend", BACKENDS)
def test_parameters_at_limits(dataset, backend):
    free = Fit().run(dataset)
    spectrum(dataset).index.max = 1.5
    spectrum(dataset).index.value = 1.2
    result = quiet(dataset, backend)
    assert result.success
    assert result.at_limit == ("index",)
    assert result["index"] == (1.5, 0.0)
    assert result.total_stat > free.total_stat
    assert "(at limit)" in repr(result)
    assert list(result.to_table()["at_limit"]) == [True, False]
    # What is left is a fit with the index frozen there.
    spectrum(dataset).index.frozen = True
    alone = Fit().run(dataset)
    assert_allclose(result["amplitude"], alone["amplitude"], rtol=1e-6)
    optimised = Fit(backend).optimize(dataset)
    assert optimised.at_limit == ()


def test_limits_are_flagged_without_errors_too(dataset):
    spectrum(dataset).index.max = 1.5
    spectrum(dataset).index.value = 1.2
    result = Fit().optimize(dataset)
    assert result.at_limit == ("index",)
    assert result.covariance is None


# -- degenerate parameters


class Twice(SpectralModel):
    """Two amplitudes that no data tell apart."""

    tag = ("Twice", "twice")
    first = Parameter("first", "2e-11 cm-2 s-1 TeV-1")
    second = Parameter("second", "3e-11 cm-2 s-1 TeV-1")
    index = Parameter("index", 2.0)

    @staticmethod
    def evaluate(energy, first, second, index):
        return (first + second) * (energy / (1 * u.TeV)).to_value("") ** -index


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["sum", "reference"])
def test_degenerate_parameters(dataset, backend, kind):
    expected = Fit().run(dataset)
    if kind == "sum":
        model, names = Twice(), "first, second"
    else:
        model, names = PowerLawSpectralModel(index=2.2, amplitude=5e-11 * FLUX, reference=1.1 * u.TeV), None
        model.reference.frozen = False
        names = "amplitude, reference"
    dataset.models = SkyModel(model, name="source")
    result = quiet(dataset, backend)
    assert result.success
    assert_allclose(result.total_stat, expected.total_stat, atol=1e-6)
    assert f"the data cannot tell {names} apart: no errors" in result.message
    assert result.covariance is None
    assert result.covariance_method == "none"
    assert not result.covariance_accurate
    assert [parameter.error for parameter in dataset.models.parameters] == [0] * len(dataset.models.parameters)
    # An error of zero is not taken for a small one in silence.
    assert f"all errors are set to zero: the data cannot tell {names} apart: no errors" in result.warnings
    with pytest.warns(GammafoldWarning, match=f"all errors are set to zero: the data cannot tell {names} apart"):
        Fit(backend).run(dataset)
    # Nor are they missed where none were asked for.
    assert not Fit(backend).optimize(dataset).warnings


def test_a_parameter_without_effect(dataset):
    dataset.models = [
        dataset.models[0],
        SkyModel(PowerLawSpectralModel(), name="elsewhere", datasets_names="another"),
        FoVBackgroundModel("toy"),
    ]
    other = dataset.copy(name="another")
    other.mask_safe.data[...] = False
    datasets = Datasets([dataset, other])
    datasets.models = [*dataset.models, SkyModel(PowerLawSpectralModel(), name="elsewhere", datasets_names="another")]
    result = quiet(datasets)
    assert result.covariance is None
    assert "cannot tell elsewhere.index, elsewhere.amplitude apart" in result.message
    with pytest.raises(FitError, match="does not depend on elsewhere.index, elsewhere.amplitude: freeze what"):
        Fit().confidence(datasets, "source.index")


# -- priors


def test_a_prior_outside_the_limits(dataset):
    spectrum(dataset).index.max = 3
    spectrum(dataset).index.prior = UniformPrior(min=4, max=5)
    with pytest.raises(FitError, match="statistic is inf at the start: parameter 'index' = 2 lies outside its prior"):
        Fit().run(dataset)


def test_a_prior_that_pulls_to_a_limit(dataset):
    spectrum(dataset).index.max = 3
    spectrum(dataset).index.prior = GaussianPrior(mu=10, sigma=0.01)
    result = quiet(dataset)
    assert result.success
    assert result.at_limit == ("index",)
    assert result["index"][0] == 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("prior", [UniformPrior, LogUniformPrior])
def test_the_ends_of_a_prior_are_limits(dataset, backend, prior):
    dataset.models[0].spectral_model.index.prior = prior(min=2.5, max=5)
    spectrum(dataset).index.value = 3
    result = quiet(dataset, backend)
    assert result.success
    assert result.at_limit == ("index",)
    assert result["index"] == (2.5, 0)
    # The same as with the index kept there.
    spectrum(dataset).index.frozen = True
    spectrum(dataset).index.value = 2.5
    kept = quiet(dataset)
    assert_allclose(result.total_stat, kept.total_stat, rtol=1e-9)
    assert_allclose(result["amplitude"], kept["amplitude"], rtol=1e-5)


def test_a_prior_outside_of_the_limits(dataset):
    spectrum(dataset).index.prior = UniformPrior(min=3, max=4)
    spectrum(dataset).index.max = 2.9
    with pytest.raises(FitError, match="parameter 'index' = 2 lies outside its prior"):
        quiet(dataset)


# -- models of users


class Raises(SpectralModel):
    """A formula that fails at steep spectra."""

    tag = ("Raises", "raises")
    index = Parameter("index", 4.0)
    amplitude = Parameter("amplitude", "5e-11 cm-2 s-1 TeV-1")
    limit = 9.0

    def evaluate(self, energy, index, amplitude):
        if np.any(index < self.limit - 6):
            raise RuntimeError("no table for such spectra")
        return amplitude * (energy / (1 * u.TeV)).to_value("") ** -index


def test_a_formula_that_raises(dataset):
    dataset.models = SkyModel(Raises(), name="source")
    with pytest.raises(InputError, match="the formula of Raises raises RuntimeError: no table for such spectra"):
        Fit().run(dataset)
    model = Raises()
    model.limit = 99
    dataset.models = SkyModel(model, name="source")
    with pytest.raises(InputError, match="the formula of Raises raises RuntimeError: no table for such spectra"):
        Fit().run(dataset)


class OneByOne(SpectralModel):
    """A formula that takes one number for each parameter."""

    tag = ("OneByOne", "one-by-one")
    index = Parameter("index", 2.3)
    amplitude = Parameter("amplitude", "5e-11 cm-2 s-1 TeV-1")

    @staticmethod
    def evaluate(energy, index, amplitude):
        return amplitude * (energy / (1 * u.TeV)).to_value("") ** -float(index)


def test_a_formula_that_cannot_broadcast(dataset):
    expected = Fit().run(dataset)
    dataset.models = SkyModel(OneByOne(), name="source")
    for backend in BACKENDS:
        result = quiet(dataset, backend)
        assert_allclose((result.values - expected.values) / expected.errors, 0, atol=1e-4)
        assert_allclose(result.errors, expected.errors, rtol=1e-4)


class WrongUnit(SpectralModel):
    """A formula of an energy."""

    tag = ("WrongUnit", "wrong-unit")
    amplitude = Parameter("amplitude", "5e-11 TeV")

    @staticmethod
    def evaluate(energy, amplitude):
        return amplitude + energy


class WrongShape(SpectralModel):
    """A formula that sums over the energies."""

    tag = ("WrongShape", "wrong-shape")
    amplitude = Parameter("amplitude", "5e-11 cm-2 s-1 TeV-1")

    @staticmethod
    def evaluate(energy, amplitude):
        return amplitude * np.sum(energy / energy)


def test_formulas_that_give_no_flux(dataset):
    dataset.models = SkyModel(WrongUnit(), name="source")
    with pytest.raises(UnitsError, match="the formula of WrongUnit does not give a flux in '1 / "):
        Fit().run(dataset)
    dataset.models = SkyModel(WrongShape(), name="source")
    with pytest.raises(
        InputError, match=r"the formula of WrongShape gives the shape \(\) for energies of shape \(4,\)"
    ):
        Fit().run(dataset)


# -- links in a circle


def test_links_in_a_circle(dataset):
    models = [SkyModel(PowerLawSpectralModel(amplitude=2e-11 * FLUX), name=name) for name in "abc"]
    spectra = [model.spectral_model for model in models]
    # Each is linked to the next one, and the last to the first: one parameter is left, and nothing goes round.
    for left, right in ((0, 1), (1, 2), (2, 0)):
        spectra[left].index = spectra[right].index
    dataset.models = models
    assert spectra[2].index is spectra[0].index
    assert len({id(spectrum.index) for spectrum in spectra}) == 2
    spectra[1].index = spectra[0].index
    for spectrum in spectra[1:]:
        spectrum.amplitude = spectra[0].amplitude
    result = Fit().run(dataset)
    assert result.names == ("index", "amplitude")
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude=5e-11 * FLUX), name="one")
    alone = Fit().run(dataset)
    assert_allclose(result["index"], alone["index"], rtol=1e-4)
    assert_allclose(3 * np.array(result["amplitude"]), alone["amplitude"], rtol=1e-4)


# -- a covariance without a fit


def test_covariance_away_from_the_minimum(dataset):
    at_minimum = Fit().run(dataset)
    asked = Fit().covariance(dataset)
    assert asked.success
    assert asked.message == "parameters as they were"
    assert_allclose(asked.errors, at_minimum.errors, rtol=1e-6)
    spectrum(dataset).index.value += 2 * at_minimum.errors[0]
    with pytest.warns(GammafoldWarning, match="did not converge: not at a minimum: the distance to it is"):
        moved = Fit().covariance(dataset)
    assert not moved.success
    assert not moved.covariance_accurate
    assert moved.edm > 1
    assert moved["index"][0] == spectrum(dataset).index.value
    assert moved.method == "none"


def test_a_fit_that_was_cut_short_is_finished_and_says_so(dataset):
    spectrum(dataset).index.value = 2.3
    result = quiet(dataset, optimize_opts={"max_evaluations": 3})
    expected = Fit().run(dataset)
    assert expected.message == "converged"
    if result.success:
        assert "converged by Newton steps; before, Minuit: the call limit was reached" in result.message
        assert result.method == "migrad, then Newton"
        assert_allclose((result.values - expected.values) / expected.errors, 0, atol=1e-4)
    else:
        assert "call limit" in result.message


def test_a_curvature_that_goes_the_wrong_way(dataset):
    # At the top of a ring of minima the statistic curves down: there is nothing to call an error.
    class Ring(SpectralModel):
        tag = ("Ring",)
        x = Parameter("x", 0.0)
        amplitude = Parameter("amplitude", "5e-11 cm-2 s-1 TeV-1", frozen=True)

        @staticmethod
        def evaluate(energy, x, amplitude):
            return amplitude * (0.3 + x**2) * (energy / (1 * u.TeV)).to_value("") ** -2.0

    dataset.models = SkyModel(Ring(), name="source")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = Fit(on_failure="report").covariance(dataset)
    assert not result.success
    assert result.covariance is None
    assert result.edm == np.inf


def test_a_flat_background_norm_at_zero_counts(dataset):
    dataset.counts.data[...] = 0
    dataset.models = [FoVBackgroundModel("toy")]
    norm = dataset.models[0].parameters["norm"]
    norm.min = 0
    for backend in BACKENDS:
        norm.value = 1.0
        result = quiet(dataset, backend)
        assert result.success
        assert result.at_limit == ("norm",)
        assert_allclose(result.total_stat, 0, atol=1e-3)


def test_constants_that_cancel(dataset):
    # A difference of fluxes that is zero everywhere: counts come from the background alone.
    level = ConstantSpectralModel(const=1e-12 * FLUX)
    dataset.models = SkyModel(level - level.copy(), name="nothing")
    result = quiet(dataset)
    assert "no errors" in result.message
    assert result.covariance is None


# -- counts of zero


def on_off(counts, counts_off, alpha=0.5):
    """Ten bins with an exposure that makes one count in each of a flux of norm one."""
    edges = np.geomspace(1, 20, 11) * u.TeV
    axis = MapAxis.from_energy_edges(edges)
    dataset = SpectrumDatasetOnOff.create(axis, axis.copy(name="energy_true"), name="toy")
    flux = PowerLawSpectralModel(index=2, amplitude=1e-11 * FLUX)
    exposure = 1.0 / flux.integral(edges[:-1], edges[1:])
    dataset.exposure.quantity = exposure.reshape(dataset.exposure.data.shape).to("cm2 s")
    dataset.edisp = None
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.acceptance, dataset.acceptance_off = 1.0, 1.0 / alpha
    dataset.counts.data[...] = np.reshape(counts, dataset.data_shape)
    dataset.counts_off = dataset.counts.copy(data=np.reshape(counts_off, dataset.data_shape).astype(float))
    dataset.models = SkyModel(flux, name="source")
    flux.index.frozen = True
    flux.amplitude.min = 0
    return dataset


def xspec_w(mu, n_on, n_off, alpha):
    """The W statistic of one bin, as the manual of XSPEC has it (appendix B), with exposures of 1 and 1 / alpha."""
    on, off = 1.0, 1.0 / alpha
    if n_on == 0:
        return 2 * (mu - n_off * np.log(off / (on + off)))
    if n_off == 0:
        if mu < n_on * on / (on + off):
            return 2 * (-off * mu - n_on * np.log(on / (on + off)))
        return 2 * (mu + n_on * (np.log(n_on) - np.log(mu) - 1))
    d = np.sqrt(((on + off) * mu - n_on - n_off) ** 2 + 4 * (on + off) * n_off * mu)
    f = (n_on + n_off - (on + off) * mu + d) / (2 * (on + off))
    value = on * mu + (on + off) * f - n_on * np.log(on * mu + on * f) - n_off * np.log(off * f)
    return 2 * (value - n_on * (1 - np.log(n_on)) - n_off * (1 - np.log(n_off)))


ZEROS = {
    "no off counts": ([3, 1, 4, 1, 5, 2, 2, 1, 3, 2], np.zeros(10)),
    "no on counts in half of the bins": ([1, 0, 4, 0, 6, 0, 0, 5, 0, 4], [2, 0, 1, 0, 0, 3, 1, 0, 0, 2]),
    "a bit of each": ([0, 6, 0, 2, 7, 3, 0, 0, 9, 1], [0, 0, 5, 2, 0, 1, 0, 3, 8, 0]),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ZEROS)
def test_w_statistic_without_counts_in_some_bins(kind, backend):
    counts, counts_off = ZEROS[kind]
    dataset = on_off(counts, counts_off)

    def statistic(norm):
        pairs = zip(counts, counts_off, strict=True)
        # Here the units of on and off exposure are such that mu is the signal in the on region.
        return sum(xspec_w(norm, n_on, n_off, 0.5) for n_on, n_off in pairs)

    best = minimize_scalar(statistic, bounds=(1e-3, 20), method="bounded", options={"xatol": 1e-10})
    result = quiet(dataset, backend)
    assert result.success
    assert_allclose(result.total_stat, best.fun, rtol=1e-9)
    assert_allclose(result["amplitude"][0], 1e-11 * best.x, rtol=1e-4)


def test_no_counts_at_all():
    dataset = on_off(np.zeros(10), np.zeros(10))
    for backend in BACKENDS:
        result = quiet(dataset, backend)
        assert result.success
        assert result["amplitude"] == (0.0, 0.0)
        assert result.at_limit == ("amplitude",)
        assert result.total_stat == 0
