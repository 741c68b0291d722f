"""Posteriors and evidences against closed forms: one Poisson number has a gamma posterior."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special, stats

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling import Fit
from gammafold.modeling.models import (
    ConstantSpectralModel,
    GaussianPrior,
    GeneralizedGaussianPrior,
    LogUniformPrior,
    PowerLawSpectralModel,
    SkyModel,
    UniformPrior,
)
from gammafold.modeling.parameter import Parameter
from gammafold.samples import sample_files
from gammafold.sampling import Sampler, SamplingResult
from gammafold.sampling.densities import density_of
from gammafold.sampling.nuts import _Unlimited
from gammafold.sampling.posterior import Posterior
from gammafold.utils.errors import FileFormatError, FitError, GammafoldWarning, InputError, MissingPackageError

N = 12.0
# Counts per unit of flux: one bin of 1 TeV and an exposure of 1e12 cm2 s.
EXPOSURE = 1e12
FEW = {"n_steps": 1500, "n_burn": 100, "progress": False, "random_state": 1}


@pytest.fixture
def poisson():
    """One bin with N counts, no background, and a flux whose counts are ``const * EXPOSURE``."""
    axis = MapAxis.from_energy_edges([1, 2] * u.TeV)
    true = MapAxis.from_energy_edges([1, 2] * u.TeV, name="energy_true")
    counts = RegionNDMap(RegionGeom.create(None, axes=[axis]), data=np.full((1, 1, 1), N))
    exposure = RegionNDMap(RegionGeom.create(None, axes=[true]), data=np.full((1, 1, 1), EXPOSURE), unit="cm2 s")
    dataset = SpectrumDataset(counts=counts, exposure=exposure, name="one")
    dataset.models = SkyModel(ConstantSpectralModel(const="1.1e-11 cm-2 s-1 TeV-1"), name="flat")
    flux = dataset.models[0].spectral_model.const
    flux.min, flux.max = 0, 4e-11
    return dataset


@pytest.fixture
def crab():
    return make_crab()


def make_crab():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    datasets.models = SkyModel(PowerLawSpectralModel(index=2.7, amplitude="4.6e-11 cm-2 s-1 TeV-1"), name="crab")
    return datasets


@pytest.fixture(scope="module")
def walked():
    """A posterior of the Crab runs, sampled once."""
    return Sampler("emcee", **FEW).run(make_crab())


def gamma_posterior():
    """The posterior of the counts for a constant prior, between limits that hold nearly all of it."""
    return stats.gamma(N + 1)


def assert_gamma(result, rtol):
    counts = result.samples[:, 0] * EXPOSURE
    truth = gamma_posterior()
    assert_allclose(counts.mean(), truth.mean(), rtol=rtol)
    assert_allclose(counts.std(), truth.std(), rtol=2 * rtol)
    for level in (0.05, 0.5, 0.95):
        assert_allclose(np.quantile(counts, level), truth.ppf(level), rtol=2 * rtol)


def test_emcee(poisson):
    result = Sampler("emcee", **FEW).run(poisson)
    assert result.success
    assert_gamma(result, 0.02)
    assert result.samples.shape == (32 * 1500, 1)
    assert result.names == ("const",)
    assert 0.2 < result.diagnostics["acceptance"] < 1


def test_nuts_with_two_limits(poisson):
    pytest.importorskip("numpyro")
    result = Sampler("nuts", progress=False, random_state=1, n_chains=2, n_samples=1500, n_warmup=300).run(poisson)
    assert result.success, result.draws.warnings
    assert_gamma(result, 0.03)


@pytest.mark.parametrize("limit", ["min", None])
def test_nuts_with_fewer_limits(poisson, limit):
    pytest.importorskip("numpyro")
    flux = poisson.models[0].spectral_model.const
    flux.max = np.nan
    if limit is None:
        # Far from zero the normal law of a prior rules, and a limit does not matter.
        flux.min, flux.prior = np.nan, GaussianPrior(mu=1.3e-11, sigma=1e-13)
    result = Sampler("nuts", progress=False, random_state=2, n_chains=2, n_samples=1500, n_warmup=300).run(poisson)
    if limit is None:
        assert_allclose(result.mean, 1.3e-11, rtol=1e-3)
        assert_allclose(result.std, 1e-13, rtol=0.1)
    else:
        assert_gamma(result, 0.03)


@pytest.mark.parametrize("backend", ["dynesty", "ultranest"])
def test_nested_sampling_and_evidence(poisson, backend, capfd):
    pytest.importorskip(backend)
    result = Sampler(backend, progress=False, random_state=1, n_live=300).run(poisson)
    assert capfd.readouterr() == ("", "")
    assert_gamma(result, 0.05)
    # The likelihood is exp(-stat / 2) = mu^n exp(-mu), and the prior 1 / 40 between 0 and 40 counts.
    truth = special.gammaln(N + 1) + np.log(special.gammainc(N + 1, 40.0)) - np.log(40.0)
    assert abs(result.logz - truth) < 4 * result.logz_err
    assert result.logz_err < 0.2


def test_evidence_counts_priors_once(poisson):
    pytest.importorskip("dynesty")
    flux = poisson.models[0].spectral_model.const
    flux.min, flux.max, flux.prior = np.nan, np.nan, UniformPrior(min=0, max=4e-11)
    result = Sampler("dynesty", progress=False, random_state=1, n_live=300).run(poisson)
    truth = special.gammaln(N + 1) + np.log(special.gammainc(N + 1, 40.0)) - np.log(40.0)
    assert abs(result.logz - truth) < 4 * result.logz_err


def test_a_seed_repeats(poisson):
    def run(seed):
        return Sampler("emcee", progress=False, n_steps=1500, n_burn=5, random_state=seed).run(poisson)

    first, second, other = run(5), run(5), run(6)
    assert (first.samples == second.samples).all()
    assert (first.samples != other.samples).any()
    from_generator = run(np.random.default_rng(1))
    assert (from_generator.samples == run(from_generator.seed).samples).all()


def test_walkers_agree_with_the_normal_law_of_many_counts(crab, walked):
    """With 459 counts the posterior is nearly normal: means and errors are those of a fit."""
    fit = Fit().run(crab)
    result = walked
    assert_allclose((result.median - fit.values) / fit.errors, 0, atol=0.2)
    assert_allclose(result.std, fit.errors, rtol=0.08)
    low, high = result.interval("index")
    assert_allclose([low, high], fit.values[0] + np.array([-1, 1]) * fit.errors[0], atol=0.2 * fit.errors[0])
    shortest = result.interval("index", kind="shortest")
    assert shortest[1] - shortest[0] <= high - low
    assert_allclose(result.upper_limit("index", 0.975), result.interval("index", 0.95)[1])


def test_models_are_updated_on_request(crab, walked):
    before = crab.models[0].spectral_model.index.value
    result = walked
    index = crab.models[0].spectral_model.index
    assert index.value == before
    result.update(crab)
    assert index.value == result.median[0]
    assert_allclose(index.error, result.std[0])
    assert_allclose(crab.models[0].covariance.data[0, 1], result.covariance[0, 1])
    index.frozen = True
    with pytest.raises(InputError, match="not those that were sampled"):
        result.update(crab)


def test_posterior_predictive(crab, walked):
    result = walked
    check = result.posterior_predictive(crab, 400)
    assert 0.02 < check.p_value < 0.98
    assert check.counts["23523"].shape == (400, len(check.seen["23523"]))
    assert check.seen["23523"].sum() == 124
    assert_allclose(check.counts["23523"].sum(axis=-1).mean(), crab["23523"].npred().data[39:].sum(), rtol=0.2)
    for dataset in crab:
        dataset.counts.data[45] += 40
    assert result.posterior_predictive(crab, 400).p_value < 0.01
    assert "p = " in repr(check)
    axes = check.plot()
    assert axes.get_legend_handles_labels()[1][-1] == "seen"


def test_result_file(tmp_path, crab):
    crab.models[0].spectral_model.index.prior = GaussianPrior(mu=2.6, sigma=0.2)
    with pytest.warns(GammafoldWarning, match="the chains are short"):
        result = Sampler("emcee", progress=False, n_steps=20, n_burn=5, random_state=1).run(crab)
    assert not result.success
    assert "doubtful: the chains are short" in str(result)
    path = tmp_path / "posterior.fits"
    result.write(path)
    found = SamplingResult.read(path)
    assert (found.samples == result.samples).all()
    assert (found.log_prob == result.log_prob).all()
    assert found.names == result.names
    assert found.diagnostics == result.diagnostics
    assert found.models[0].spectral_model.index.prior.sigma.value == 0.2
    assert str(found) == str(result)
    assert result.to_table()["amplitude"].unit == u.Unit("cm-2 s-1 TeV-1")
    with pytest.raises(FileFormatError, match="there is no extension 'SAMPLES'"):
        SamplingResult.read(sample_files("crab-hess")[0])


def test_corner(walked):
    figure = walked.plot_corner(truths=[2.7, 4.58e-11])
    assert len(figure.axes) == 4
    assert "10^{-11}" in figure.axes[2].get_xlabel() + figure.axes[3].get_xlabel()


def test_names_that_several_parameters_share(crab):
    line = SkyModel(PowerLawSpectralModel(index=2, amplitude="1e-13 cm-2 s-1 TeV-1"), name="other")
    line.spectral_model.index.frozen = True
    crab.models = [crab.models[0], line]
    assert Posterior(crab).labels == ("index", "crab.spectral.amplitude", "other.spectral.amplitude")


def test_log_prob_is_zero_outside_and_where_no_number_comes(poisson):
    posterior = Posterior(poisson)
    found = posterior.log_prob(np.array([[-1e-12], [5e-11], [1e-11]]))
    assert (found[:2] == -np.inf).all()
    assert_allclose(found[2], -0.5 * posterior.likelihood.deviance([1e-11]))
    assert posterior.n_invalid == 0


@pytest.mark.parametrize(
    ("prior", "truth"),
    [
        (UniformPrior(min=1, max=3), stats.uniform(1, 2)),
        (LogUniformPrior(min=1, max=100), stats.loguniform(1, 100)),
        (GaussianPrior(mu=2, sigma=0.5), stats.norm(2, 0.5)),
        (GeneralizedGaussianPrior(mu=2, sigma=0.5, eta=0.5), stats.norm(2, 0.5)),
    ],
)
def test_densities(prior, truth):
    parameter = Parameter("x", 2.0, prior=prior)
    chance = np.array([0.1, 0.5, 0.9])
    assert_allclose(density_of(parameter, "x").quantile(chance), truth.ppf(chance), rtol=1e-9)
    # The density agrees with the deviance that a fit uses.
    values = truth.ppf(chance)
    assert_allclose(prior.compile().deviance(values), -2 * truth.logpdf(values), rtol=1e-9)
    parameter.min, parameter.max = float(truth.ppf(0.2)), float(truth.ppf(0.6))
    assert_allclose(density_of(parameter, "x").quantile(chance), truth.ppf(0.2 + 0.4 * chance), rtol=1e-9)


def test_the_scale_without_limits_is_one_to_one(crab):
    jax = pytest.importorskip("jax")
    index, amplitude = crab.models[0].spectral_model.parameters.free_parameters
    index.min, index.max, amplitude.min = 1, 4, 0
    with jax.enable_x64(True):
        scale = _Unlimited(Posterior(crab))
        theta = np.array([2.2, 3.1e-11])
        z = scale.unlimited(theta)
        found, log_jacobian = scale.limited(jax.numpy.asarray(z))
        slopes = jax.jacfwd(lambda one: scale.limited(one)[0])(jax.numpy.asarray(z))
        # Widths of ranges and sizes of errors are constants, which no sampler needs.
        constant = np.log(3.0) + np.log(scale.error[1])
        relative = np.linalg.slogdet(slopes / scale.error[:, None])[1] + np.log(scale.error).sum()
        assert_allclose(relative, log_jacobian + constant, rtol=1e-9)
    assert_allclose(found, theta, rtol=1e-12)


BAD = [
    ({"backend": "magic"}, "no sampling backend 'magic'"),
    ({"random_state": -1}, "random_state is -1"),
    ({"random_state": "seed"}, "random_state is 'seed'"),
    ({"n_walkers": 3}, "n_walkers is 3: expected an even number"),
    ({"n_steps": 0}, "n_steps is 0"),
    ({"backend": "dynesty", "n_live": 2}, "n_live is 2: expected 3 or more"),
    ({"backend": "nuts", "n_chains": 0}, "n_chains is 0"),
    ({"backend": "nuts", "target_accept": 1.5}, "target_accept is 1.5"),
    ({"typo": 1}, "has no such option"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options(poisson, options, message):
    with pytest.raises(InputError, match=message):
        Sampler(**({"progress": False} | options)).run(poisson)


def test_nothing_to_sample(poisson):
    poisson.models[0].spectral_model.const.frozen = True
    with pytest.raises(FitError, match="no free parameter"):
        Sampler(progress=False).run(poisson)


def test_nested_sampling_needs_proper_priors(poisson):
    flux = poisson.models[0].spectral_model.const
    flux.max = np.nan
    with pytest.raises(InputError, match="'const' has no prior and the limits"):
        Sampler("dynesty", progress=False).run(poisson)
    flux.prior = GaussianPrior(mu=1e-11, sigma=1e-12, weight=2)
    with pytest.raises(InputError, match="has the weight 2: a density has the weight 1"):
        Sampler("dynesty", progress=False).run(poisson)
    flux.prior = UniformPrior(min=1e-12, max=2e-11)
    flux.min, flux.max, flux.value = 0, 1e-13, 1e-13
    with pytest.raises(InputError, match="is zero between the limits"):
        density_of(flux, "const")


def test_parameters_that_the_data_do_not_tell_apart(poisson):
    poisson.models = [poisson.models[0], SkyModel(ConstantSpectralModel(const="1e-12 cm-2 s-1 TeV-1"), name="too")]
    with pytest.raises(InputError, match="cannot tell .* apart"):
        Sampler("emcee", progress=False).run(poisson)


def test_a_missing_package(poisson, monkeypatch):
    monkeypatch.setattr("gammafold.utils.optional.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"emcee is not installed: pip install 'gammafold\[sampling\]'"):
        Sampler("emcee", progress=False).run(poisson)
    with pytest.raises(MissingPackageError, match=r"jax is not installed: pip install 'gammafold\[jax\]'"):
        Sampler("nuts", progress=False).run(poisson)


def test_asking_for_what_was_not_sampled(poisson):
    result = Sampler("emcee", **FEW).run(poisson)
    with pytest.raises(KeyError, match="no parameter 'index' was sampled"):
        result.interval("index")
    with pytest.raises(InputError, match="level is 2"):
        result.interval("const", 2)
    with pytest.raises(InputError, match="kind is 'odd'"):
        result.interval("const", kind="odd")
    with pytest.raises(InputError, match="n_draws is 0"):
        result.posterior_predictive(poisson, 0)
    assert np.isnan(result.logz)
