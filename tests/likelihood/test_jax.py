"""The likelihood in JAX is the likelihood in NumPy."""

import logging

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling.models import (
    BrokenPowerLawSpectralModel,
    ExpCutoffPowerLawSpectralModel,
    FoVBackgroundModel,
    GaussianPrior,
    GaussianSpectralModel,
    LogParabolaSpectralModel,
    LogUniformPrior,
    PowerLawNormSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
    SmoothBrokenPowerLawSpectralModel,
    SpectralModel,
    UniformPrior,
)
from gammafold.modeling.parameter import Parameter
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError

jax = pytest.importorskip("jax")

FLUX = "4e-11 cm-2 s-1 TeV-1"
MODELS = {
    "pl": PowerLawSpectralModel(index=2.6, amplitude=FLUX),
    "pl index 1": PowerLawSpectralModel(index=1.0, amplitude=FLUX),
    "lp": LogParabolaSpectralModel(alpha=2.4, beta=0.2, amplitude=FLUX),
    "ecpl": ExpCutoffPowerLawSpectralModel(index=2.2, amplitude=FLUX, lambda_="0.05 TeV-1"),
    "bpl": BrokenPowerLawSpectralModel(index1=2.2, index2=3.0, amplitude=FLUX, ebreak="2.3 TeV"),
    "sbpl": SmoothBrokenPowerLawSpectralModel(index1=2.2, index2=3.0, amplitude=FLUX, ebreak="2.3 TeV"),
    "line": GaussianSpectralModel(amplitude="1e-11 cm-2 s-1", mean="3 TeV", sigma="0.02 TeV"),
    "sum": PowerLawSpectralModel(index=2.6, amplitude=FLUX) + GaussianSpectralModel(amplitude="1e-12 cm-2 s-1"),
    "product": PowerLawSpectralModel(index=2.6, amplitude=FLUX) * PowerLawNormSpectralModel(norm=1.1),
}


@pytest.fixture(scope="module")
def crab():
    return Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))


def around(likelihood, n=7, spread=0.05):
    rng = np.random.default_rng(1)
    return likelihood.x0 * (1 + spread * rng.standard_normal((n, likelihood.n_free)))


def assert_same(likelihood, traced, theta):
    deviance, gradient = likelihood.deviance_and_gradient(theta)
    found, slope = traced.deviance_and_gradient(theta)
    assert_allclose(found, deviance, rtol=1e-10)
    # A component that happens to vanish is compared with the size of the others.
    scale = np.abs(gradient * theta).max()
    assert_allclose(slope * theta, gradient * theta, rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.parametrize("name", MODELS)
def test_value_and_gradient(crab, name):
    crab.models = SkyModel(MODELS[name], name="crab")
    likelihood = crab.likelihood()
    traced = likelihood.to_jax()
    theta = around(likelihood)
    assert_same(likelihood, traced, theta)
    assert_allclose(traced.stat(theta), likelihood.stat(theta), rtol=1e-12)
    for dataset, counts in traced.npred(theta).items():
        assert_allclose(counts, likelihood.npred(theta)[dataset], rtol=1e-11, atol=1e-13)
    assert_allclose(traced.deviance(theta[0]), likelihood.deviance(theta[0]), rtol=1e-10)


def test_matrices(crab):
    crab.models = SkyModel(MODELS["lp"], name="crab")
    likelihood = crab.likelihood()
    traced = likelihood.to_jax()
    theta = around(likelihood)
    for ours, theirs in zip(likelihood.normal_equations(theta), traced.normal_equations(theta), strict=True):
        assert_allclose(theirs, ours, rtol=1e-9)
    assert_allclose(traced.fisher(theta[0]), likelihood.fisher(theta[0]), rtol=1e-10)
    assert_allclose(traced.hessian(theta[0]), likelihood.hessian(theta[0]), rtol=1e-5)


def test_cash_with_background_model_and_priors(crab):
    datasets = Datasets([dataset.to_spectrum_dataset(name=dataset.name) for dataset in crab])
    model = SkyModel(PowerLawSpectralModel(index=2.5, amplitude=FLUX), name="crab")
    model.spectral_model.index.prior = GaussianPrior(mu=2.3, sigma=0.2)
    model.spectral_model.amplitude.prior = LogUniformPrior(min=1e-13, max=1e-9)
    background = FoVBackgroundModel(dataset_name=datasets[0].name)
    background.spectral_model.tilt.frozen = False
    background.spectral_model.tilt.value = 0.1
    background.spectral_model.norm.prior = UniformPrior(min=0.5, max=2)
    datasets.models = [model, background]
    likelihood = datasets.likelihood()
    traced = likelihood.to_jax()
    theta = around(likelihood)
    assert_same(likelihood, traced, theta)
    assert_allclose(traced.fisher(theta), likelihood.fisher(theta), rtol=1e-9)
    outside = theta[0].copy()
    outside[likelihood.names.index("norm")] = 3.0
    assert traced.deviance(outside) == np.inf == likelihood.deviance(outside)


def test_impossible_models_are_infinite(crab):
    datasets = Datasets([crab[0].to_spectrum_dataset(name="cash")])
    datasets.models = SkyModel(PowerLawSpectralModel(amplitude=FLUX), name="crab")
    likelihood = datasets.likelihood()
    theta = likelihood.x0.copy()
    theta[1] = -1e-9
    assert likelihood.deviance(theta) == np.inf
    assert likelihood.to_jax().deviance(theta) == np.inf


def test_a_batch_of_data_and_what_is_compiled(crab):
    crab.models = SkyModel(PowerLawSpectralModel(index=2.6, amplitude=FLUX), name="crab")
    likelihood = crab.likelihood()
    traced = likelihood.to_jax()
    rows, kernel = likelihood.statistic.parts[0]

    def drawn(seed):
        rng = np.random.default_rng(seed)
        n_on = rng.poisson(kernel.n_on, (5, kernel.n_bins)).astype(float)
        from gammafold.likelihood.joint_statistic import join_statistics

        return join_statistics([(rows, kernel.with_data(n_on=n_on))], likelihood.statistic.n_bins)

    theta = around(likelihood, 5)
    first = traced.with_statistic(drawn(1))
    assert_same(likelihood.with_statistic(drawn(1)), first, theta)
    assert_same(likelihood.with_statistic(drawn(1)).at_rows(np.array([3])), first.at_rows(np.array([3])), theta[3:4])
    with jax.log_compiles(), no_compilation():
        assert_same(likelihood.with_statistic(drawn(2)), traced.with_statistic(drawn(2)), theta)


class no_compilation(logging.Handler):
    """Fails if JAX says that it compiles one of our functions."""

    def __enter__(self):
        self.seen = []
        logging.getLogger("jax").addHandler(self)

    def emit(self, record):
        self.seen.append(record.getMessage())

    def __exit__(self, *error):
        logging.getLogger("jax").removeHandler(self)
        assert not [line for line in self.seen if "batched" in line], self.seen


def test_function_for_transformations(crab):
    crab.models = SkyModel(PowerLawSpectralModel(index=2.6, amplitude=FLUX), name="crab")
    likelihood = crab.likelihood()
    traced = likelihood.to_jax()
    before = jax.config.jax_enable_x64
    theta = around(likelihood)
    with jax.enable_x64(True):
        values = jax.jit(jax.vmap(traced.function))(theta)
        slopes = jax.vmap(jax.grad(traced.function))(theta)
    assert_allclose(values, likelihood.deviance(theta), rtol=1e-10)
    assert_allclose(slopes, likelihood.gradient(theta), rtol=1e-8)
    with jax.enable_x64(False), pytest.raises(InputError, match="needs 64 bits and JAX gives float32"):
        traced.function(likelihood.x0)
    assert jax.config.jax_enable_x64 == before


class Quantities(SpectralModel):
    """A user's model that needs units, and so NumPy."""

    amplitude = Parameter("amplitude", "1e-11 cm-2 s-1 TeV-1")

    @staticmethod
    def evaluate(energy, amplitude):
        return amplitude * np.exp(-(energy / (3 * u.TeV)).to_value(""))


def test_a_formula_that_jax_cannot_follow(crab):
    crab.models = SkyModel(Quantities(), name="crab")
    with pytest.raises(InputError, match="takes no JAX arrays"):
        crab.likelihood().to_jax()


def test_a_sparse_response():
    from scipy.sparse import csr_array

    from gammafold.likelihood.jax_likelihood import _device_matrix

    matrix = np.diag(np.arange(1.0, 5.0))[:, :3]
    with jax.enable_x64(True):
        found = np.asarray(jax.numpy.arange(3.0) @ _device_matrix(csr_array(matrix)))
    assert_allclose(found, matrix @ np.arange(3.0))


# The amplitude at 10 TeV follows the other parameters over powers of ten; many fits end in smaller batches.
@pytest.mark.parametrize(("reference", "n"), [("1 TeV", 60), ("10 TeV", 400)])
def test_many_fits_end_where_those_in_numpy_do(crab, reference, n):
    from gammafold.likelihood.fisher_scoring import minimise_batch
    from gammafold.likelihood.joint_statistic import join_statistics

    model = LogParabolaSpectralModel(alpha=2.4, beta=0.2, amplitude=FLUX, reference="1 TeV")
    at_10_tev = {"alpha": 3.3, "beta": 0.2, "amplitude": "6.5e-14 cm-2 s-1 TeV-1", "reference": "10 TeV"}
    crab.models = SkyModel(model if reference == "1 TeV" else LogParabolaSpectralModel(**at_10_tev), name="crab")
    likelihood = crab[:1].likelihood()
    ((rows, kernel),) = likelihood.statistic.parts
    rng = np.random.default_rng(1)
    mu = likelihood.npred_signal(likelihood.x0)[crab[0].name]
    n_on = rng.poisson(mu + kernel.background(mu), (n, kernel.n_bins)).astype(float)
    n_off = rng.poisson(kernel.n_off, (n, kernel.n_bins)).astype(float)
    batch = likelihood.with_statistic(
        join_statistics([(rows, kernel.with_data(n_on=n_on, n_off=n_off))], kernel.n_bins)
    )
    start = np.tile(likelihood.x0, (n, 1))
    ours = minimise_batch(batch, start)
    found = likelihood.to_jax().with_statistic(batch.statistic).minimise(start)
    assert found.converged.mean() >= 0.99
    both = ours.converged & found.converged
    errors = np.sqrt(2 * np.diagonal(np.linalg.inv(ours.fisher[both]), axis1=1, axis2=2))
    assert_allclose((found.theta[both] - ours.theta[both]) / errors, 0, atol=1e-3)
    assert_allclose(found.deviance[both], ours.deviance[both], rtol=1e-8)
    assert (found.n_iterations[both] < 36).all()


def test_a_fit_that_ends_on_a_limit(crab):
    crab.models = SkyModel(PowerLawSpectralModel(index=2.6, amplitude=FLUX), name="crab")
    index = crab.models[0].spectral_model.index
    index.min = 2.65
    index.value = 2.65
    index.max = 2.68
    found = crab.likelihood().to_jax().minimise(np.array([[2.67, 4e-11]]))
    assert found.converged[0]
    assert found.theta[0, 0] == 2.68
    assert abs(found.gradient[0, 1] * found.theta[0, 1]) < 1e-3
