import dataclasses

import numpy as np
import pytest
from scipy.stats import norm

from gammafold.likelihood.flux import FluxFunction
from gammafold.likelihood.joint_statistic import join_statistics
from gammafold.likelihood.likelihood import Likelihood
from gammafold.likelihood.spec import BackgroundTerm, DatasetSpec, SignalTerm
from gammafold.stats.kernels import CashStatistic, WStatistic

THETA = np.array([2.6, 3.7e-11])


class GaussianPrior:
    """A prior on the index, as models compile theirs."""

    def __init__(self, mean, sigma):
        self.mean, self.sigma = mean, sigma

    def deviance(self, x):
        return ((x - self.mean) / self.sigma) ** 2

    def gradient(self, x):
        return 2 * (x - self.mean) / self.sigma**2

    def curvature(self, x):
        return np.full(np.shape(x), 2 / self.sigma**2)


def numerical_gradient(likelihood, theta, relative=1e-5):
    columns = []
    for i in range(len(theta)):
        step = np.zeros_like(theta)
        step[i] = relative * abs(theta[i])
        columns.append((likelihood.deviance(theta + step) - likelihood.deviance(theta - step)) / (2 * step[i]))
    return np.array(columns)


def test_the_joint_statistic_is_the_sum_over_datasets(make):
    specs = [make.cash_spec("a", 0), make.wstat_spec("b", 1), make.cash_spec("c", 2)]
    joint = Likelihood(specs, make.parameters())
    single = [Likelihood([spec], make.parameters()) for spec in specs]
    np.testing.assert_allclose(joint.stat(THETA), sum(one.stat(THETA) for one in single), rtol=1e-13)
    per_dataset = joint.stat_per_dataset(THETA)
    assert list(per_dataset) == ["a", "b", "c"]
    for spec, one in zip(specs, single, strict=True):
        np.testing.assert_allclose(per_dataset[spec.name], one.stat(THETA), rtol=1e-12)
        np.testing.assert_allclose(joint.npred(THETA)[spec.name], one.npred(THETA)[spec.name], rtol=1e-13)
    assert joint.n_data == sum(spec.n_bins for spec in specs)


def test_npred_is_the_exact_integral_folded(make):
    spec = make.cash_spec()
    likelihood = Likelihood([spec], make.parameters())
    index, amplitude = THETA
    edges = spec.edges_true
    exact = amplitude * (edges[:-1] ** (1 - index) - edges[1:] ** (1 - index)) / (index - 1)
    np.testing.assert_allclose(likelihood.npred(THETA)["cash"], spec.response @ exact, rtol=1e-10)


def test_a_batch_of_1000_equals_1000_single_calls(make):
    likelihood = make.joint()
    rng = np.random.default_rng(5)
    batch = THETA * (1 + 0.05 * rng.standard_normal((1000, 2)))
    np.testing.assert_allclose(likelihood.stat(batch), [likelihood.stat(theta) for theta in batch], rtol=1e-12)
    np.testing.assert_allclose(
        likelihood.gradient(batch[:50]), [likelihood.gradient(theta) for theta in batch[:50]], rtol=1e-9
    )
    np.testing.assert_allclose(
        likelihood.fisher(batch[:50]), [likelihood.fisher(theta) for theta in batch[:50]], rtol=1e-12
    )


def test_a_large_batch_is_worked_in_pieces(make, monkeypatch):
    likelihood = make.joint()
    batch = THETA * np.linspace(0.95, 1.05, 11)[:, None]
    whole = likelihood.deviance_and_gradient(batch)
    monkeypatch.setattr("gammafold.likelihood.likelihood._CHUNK", 1000)
    assert likelihood._rows_at_once(dense=False) < 11
    pieces = likelihood.deviance_and_gradient(batch)
    np.testing.assert_allclose(pieces[0], whole[0], rtol=1e-13)
    np.testing.assert_allclose(pieces[1], whole[1], rtol=1e-10)
    np.testing.assert_allclose(likelihood.stat(batch), whole[0] + likelihood.statistic.offset, rtol=1e-13)


@pytest.mark.parametrize("with_derivatives", [True, False])
def test_gradient_is_that_of_the_statistic(make, with_derivatives):
    likelihood = make.joint(make.power_law(with_derivatives))
    found = likelihood.gradient(THETA)
    np.testing.assert_allclose(found * THETA, numerical_gradient(likelihood, THETA) * THETA, rtol=1e-6)
    deviance, gradient = likelihood.deviance_and_gradient(THETA)
    assert deviance == pytest.approx(likelihood.deviance(THETA), rel=1e-13)
    np.testing.assert_array_equal(gradient, found)


def test_differences_agree_with_derivatives(make):
    exact, differences = make.joint(make.power_law(True)), make.joint(make.power_law(False))
    np.testing.assert_allclose(differences.jacobian(THETA), exact.jacobian(THETA), rtol=1e-8)


def test_fisher_is_the_expected_hessian(make):
    spec = make.cash_spec()
    likelihood = Likelihood([spec], make.parameters())
    # With counts equal to the prediction the observed and the expected information of the data are the same.
    asimov = dataclasses.replace(spec, statistic=CashStatistic(likelihood.npred(THETA)["cash"]))
    likelihood = Likelihood([asimov], make.parameters())
    scale = np.outer(THETA, THETA)
    np.testing.assert_allclose(likelihood.hessian(THETA) * scale, likelihood.fisher(THETA) * scale, rtol=1e-6)


def test_hessian_is_the_second_derivative(make):
    likelihood = make.joint()
    step = 1e-4 * THETA
    columns = [
        (likelihood.gradient(THETA + np.eye(2)[i] * step) - likelihood.gradient(THETA - np.eye(2)[i] * step))
        / (2 * step[i])
        for i in range(2)
    ]
    scale = np.outer(THETA, THETA)
    np.testing.assert_allclose(likelihood.hessian(THETA) * scale, np.array(columns) * scale, rtol=2e-5)


def test_priors_add_to_the_statistic_and_its_derivatives(make):
    specs, prior = [make.cash_spec()], GaussianPrior(2.2, 0.1)
    free, bound = Likelihood(specs, make.parameters()), Likelihood(specs, make.parameters(), [(0, prior)])
    assert bound.stat(THETA) - free.stat(THETA) == pytest.approx(-2 * (norm.logpdf(4.0) - norm.logpdf(0.0)))
    np.testing.assert_allclose(bound.gradient(THETA) * THETA, numerical_gradient(bound, THETA) * THETA, rtol=1e-6)
    np.testing.assert_allclose((bound.fisher(THETA) - free.fisher(THETA))[0, 0], 200.0, rtol=1e-9)
    batch = np.stack([THETA, THETA])
    np.testing.assert_allclose(bound.stat(batch), bound.stat(THETA), rtol=1e-13)


def test_frozen_parameters_are_not_arguments(make):
    specs = [make.cash_spec(), make.wstat_spec()]
    both = Likelihood(specs, make.parameters())
    one = Likelihood(specs, make.parameters(values=(2.6, 4e-11), free=[1]))
    assert one.names == ("amplitude",)
    assert one.stat([3.7e-11]) == pytest.approx(both.stat(THETA), rel=1e-14)
    np.testing.assert_allclose(one.gradient([3.7e-11]), both.gradient(THETA)[1:], rtol=1e-12)
    moved = one.with_parameters(np.array([2.4, 1e-11]))
    np.testing.assert_array_equal(moved.x0, [1e-11])
    assert moved.stat([3.7e-11]) == pytest.approx(both.stat([2.4, 3.7e-11]), rel=1e-14)
    assert one.stat([3.7e-11]) == pytest.approx(both.stat(THETA), rel=1e-14)


def test_a_parameter_that_stands_twice_gets_both_derivatives(make):
    flux = FluxFunction(3, lambda e, a, b, amplitude: amplitude * e ** -(a + 0.5 * b))
    spec = dataclasses.replace(make.cash_spec(), signal=(SignalTerm(flux, (0, 0, 1)),))
    likelihood = Likelihood([spec], make.parameters(values=(1.7, 4e-11)))
    theta = np.array([1.7, 4e-11])
    np.testing.assert_allclose(
        likelihood.gradient(theta) * theta, numerical_gradient(likelihood, theta) * theta, rtol=1e-6
    )


def test_sums_of_fluxes_are_folded_part_by_part(make):
    line = FluxFunction(
        2,
        lambda e, mean, norm_: norm_ * norm.pdf(e, mean, 1e-4),
        integral=lambda a, b, mean, norm_: norm_ * (norm.cdf(b, mean, 1e-4) - norm.cdf(a, mean, 1e-4)),
    )
    power_law = make.power_law()
    total = FluxFunction(4, lambda *a: None, parts=((power_law, (0, 1), 1.0), (line, (2, 3), -1.0)))
    spec = dataclasses.replace(make.cash_spec(), signal=(SignalTerm(total, (0, 1, 2, 3)),))
    names, values = ("index", "amplitude", "mean", "line"), (2.5, 4e-11, 2.0, 3e-13)
    found = Likelihood([spec], make.parameters(names, values)).npred(np.array(values))["cash"]
    without = Likelihood([make.cash_spec()], make.parameters()).npred([2.5, 4e-11])["cash"]
    column = np.searchsorted(spec.edges_true, 2.0) - 1
    np.testing.assert_allclose(found, without - 3e-13 * spec.response[:, column], rtol=1e-10)


def test_the_same_flux_twice_counts_twice(make):
    spec = make.cash_spec()
    double = dataclasses.replace(spec, signal=spec.signal * 2)
    one, two = Likelihood([spec], make.parameters()), Likelihood([double], make.parameters())
    np.testing.assert_allclose(two.npred(THETA)["cash"], 2 * one.npred(THETA)["cash"], rtol=1e-14)


def test_factors_scale_their_dataset(make):
    flux = make.power_law()
    half = make.cash_spec("half", flux=flux, factor=0.5)
    free = dataclasses.replace(
        make.cash_spec("free"), signal=(SignalTerm(flux, (0, 1), (lambda decay: np.exp(-decay), (2,))),)
    )
    likelihood = Likelihood(
        [make.cash_spec("full", flux=flux), half, free],
        make.parameters(("index", "amplitude", "decay"), (2.5, 4e-11, 0.3)),
    )
    theta = np.array([2.6, 3.7e-11, 0.4])
    npred = likelihood.npred(theta)
    np.testing.assert_allclose(npred["half"], 0.5 * npred["full"], rtol=1e-14)
    np.testing.assert_allclose(npred["free"], np.exp(-0.4) * npred["full"], rtol=1e-14)
    np.testing.assert_allclose(
        likelihood.gradient(theta) * theta, numerical_gradient(likelihood, theta) * theta, rtol=1e-6
    )


def test_backgrounds_fixed_and_free(make):
    spec = make.cash_spec()
    template, energy = np.linspace(5, 1, spec.n_bins), np.geomspace(0.5, 20, spec.n_bins)
    fixed = dataclasses.replace(spec, background=BackgroundTerm(template, None, energy))
    free = dataclasses.replace(
        spec, background=BackgroundTerm(template, lambda e, scale, tilt: scale * e**-tilt, energy, (2, 3))
    )
    names, values = ("index", "amplitude", "norm", "tilt"), (2.5, 4e-11, 1.0, 0.0)
    bare = Likelihood([spec], make.parameters()).npred(THETA)["cash"]
    with_fixed = Likelihood([fixed], make.parameters())
    np.testing.assert_allclose(with_fixed.npred(THETA)["cash"], bare + template, rtol=1e-14)
    np.testing.assert_allclose(with_fixed.npred_signal(THETA)["cash"], bare, rtol=1e-14)
    theta = np.array([*THETA, 1.3, 0.2])
    likelihood = Likelihood([free], make.parameters(names, values))
    np.testing.assert_allclose(likelihood.npred(theta)["cash"], bare + 1.3 * template * energy**-0.2, rtol=1e-13)
    np.testing.assert_allclose(
        likelihood.gradient(theta) * theta, numerical_gradient(likelihood, theta) * theta, rtol=1e-6
    )
    batch = np.stack([theta, theta * 1.01])
    np.testing.assert_allclose(likelihood.stat(batch)[0], likelihood.stat(theta), rtol=1e-13)


def test_a_dataset_without_data_is_only_predicted(make):
    silent = dataclasses.replace(make.cash_spec("silent"), statistic=None)
    spec = make.wstat_spec()
    likelihood = Likelihood([silent, spec], make.parameters())
    assert likelihood.n_data == spec.n_bins
    assert set(likelihood.npred(THETA)) == {"silent", "wstat"}
    assert likelihood.stat(THETA) == pytest.approx(Likelihood([spec], make.parameters()).stat(THETA), rel=1e-14)


def test_an_impossible_model_is_infinite_and_named(make):
    likelihood = make.joint()
    theta = np.array([2.5, -1e-11])
    assert likelihood.stat(theta) == np.inf
    assert "counts in" in likelihood.diagnose(theta)
    assert "'a'" in likelihood.diagnose(theta)
    assert "no finite counts" in likelihood.diagnose(np.array([np.nan, 1e-11]))
    assert likelihood.diagnose(THETA) == "every bin is finite"


def test_true_energies_without_response_are_left_out(make):
    spec = make.cash_spec()
    matrix = spec.response.copy()
    matrix[:, :5] = 0
    matrix[:, -3:] = 0
    trimmed = Likelihood([dataclasses.replace(spec, response=matrix)], make.parameters())
    nodes = trimmed._signal[0].integrals.n_nodes
    assert nodes < Likelihood([spec], make.parameters())._signal[0].integrals.n_nodes
    index, amplitude = THETA
    edges = spec.edges_true
    exact = amplitude * (edges[:-1] ** (1 - index) - edges[1:] ** (1 - index)) / (index - 1)
    np.testing.assert_allclose(trimmed.npred(THETA)["cash"], matrix @ exact, rtol=1e-10)


def test_wstat_without_model_is_the_closed_form():
    empty = DatasetSpec(
        "off", np.array([1.0, 2.0]), np.zeros((1, 1)), WStatistic(np.array([9.0]), np.array([20.0]), np.array([0.25]))
    )
    from gammafold.likelihood.spec import ParameterSpec

    nothing = ParameterSpec((), np.zeros(0), np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros(0))
    likelihood = Likelihood([empty], nothing)
    # Li & Ma (1983), equation 17, squared: the statistic at no signal.
    alpha, n_on, n_off = 0.25, 9.0, 20.0
    li_ma = 2 * (
        n_on * np.log((1 + alpha) / alpha * n_on / (n_on + n_off))
        + n_off * np.log((1 + alpha) * n_off / (n_on + n_off))
    )
    assert likelihood.deviance(np.zeros(0)) == pytest.approx(li_ma, rel=1e-12)


def test_a_batch_of_data_is_evaluated_in_pieces(make, monkeypatch):
    likelihood = make.joint()
    rng = np.random.default_rng(5)
    parts = [
        (rows, kernel.with_data(**{kernel.fields[0]: rng.poisson(5.0, (9, kernel.n_bins))}))
        for rows, kernel in likelihood.statistic.parts
    ]
    many = likelihood.with_statistic(join_statistics(parts, likelihood.statistic.n_bins))
    theta = likelihood.x0 * rng.uniform(0.9, 1.1, (9, 2))
    rows = np.array([7, 2, 2, 5])

    def evaluate():
        some = many.normal_equations(theta[:4], rows)
        return [many.deviance(theta), many.gradient(theta), many.fisher(theta), *many.normal_equations(theta), *some]

    whole = evaluate()
    monkeypatch.setattr("gammafold.likelihood.likelihood._CHUNK", 1)
    pieces = evaluate()
    for left, right in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-11)
    for row in range(9):
        alone = likelihood.with_statistic(many.statistic.at_rows(row))
        assert many.deviance(theta)[row] == pytest.approx(alone.deviance(theta[row]), rel=1e-12)
    for place, row in enumerate(rows):
        alone = likelihood.with_statistic(many.statistic.at_rows(row))
        assert whole[6][place] == pytest.approx(alone.deviance(theta[place]), rel=1e-12)


def test_normal_equations_at_one_place(make):
    likelihood = make.joint()
    theta = np.tile(likelihood.x0, (3, 1))
    deviance, gradient, fisher = likelihood.normal_equations(theta)
    np.testing.assert_allclose(deviance, likelihood.deviance(theta), rtol=1e-12)
    np.testing.assert_allclose(gradient, likelihood.gradient(theta), rtol=1e-9)
    np.testing.assert_allclose(fisher, likelihood.fisher(theta), rtol=1e-12)
