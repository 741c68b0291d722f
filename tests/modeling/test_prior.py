"""Priors: values against mpmath, derivatives against differences, and what they refuse."""

from __future__ import annotations

import astropy.units as u
import mpmath
import numpy as np
import pytest
from scipy import stats

from gammafold.modeling.models.prior import (
    GaussianPrior,
    GeneralizedGaussianPrior,
    LogUniformPrior,
    Prior,
    UniformPrior,
)
from gammafold.modeling.parameter import Parameter, PriorParameter
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError

PRIORS = [
    UniformPrior(min=-1, max=5),
    GaussianPrior(mu=1.2, sigma=0.3),
    GaussianPrior(mu=3e-12, sigma=2e-13),
    LogUniformPrior(min=1e-3, max=1e4),
    GeneralizedGaussianPrior(mu=0.5, sigma=2, eta=1),
    GeneralizedGaussianPrior(mu=0.5, sigma=2, eta=0.2),
    GeneralizedGaussianPrior(mu=0.5, sigma=2, eta=0.5, weight=3),
]


def inside(prior: Prior) -> np.ndarray:
    """Points where a prior is smooth."""
    if hasattr(prior, "mu"):
        return prior.mu.value + prior.sigma.value * np.array([-3.1, -1.0, 0.4, 2.2])
    return np.array([0.11, 0.5, 1.7, 4.3])


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_the_density_is_normalised(prior):
    kernel = prior.compile()
    if hasattr(prior, "mu"):
        points = prior.mu.value + prior.sigma.value * np.array([-40, -8, -2, 0, 2, 8, 40])
    else:
        points = np.unique(np.clip([prior.min.value, 0.01, 1, 100, prior.max.value], prior.min.value, prior.max.value))

    def density(x):
        return mpmath.exp(-0.5 * float(kernel.deviance(np.array(float(x)))) / prior.weight)

    assert float(mpmath.quad(density, list(points))) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_derivatives(prior):
    kernel = prior.compile()
    x = inside(prior)
    size = prior.sigma.value if hasattr(prior, "sigma") else 1.0
    h = 1e-4 * size
    slope = (kernel.deviance(x + h) - kernel.deviance(x - h)) / (2 * h)
    np.testing.assert_allclose(kernel.gradient(x), slope, rtol=1e-6, atol=1e-7 / size)
    bend = (kernel.gradient(x + h) - kernel.gradient(x - h)) / (2 * h)
    np.testing.assert_allclose(kernel.curvature(x), bend, rtol=1e-6, atol=1e-7 / size**2)
    assert kernel.deviance(x[:, None]).shape == kernel.curvature(x[:, None]).shape == (4, 1)


def test_gaussian_against_scipy():
    kernel = GaussianPrior(mu=1.2, sigma=0.3).compile()
    x = np.linspace(-1, 3, 9)
    np.testing.assert_allclose(kernel.deviance(x), -2 * stats.norm(1.2, 0.3).logpdf(x), rtol=1e-13)
    general = GeneralizedGaussianPrior(mu=1.2, sigma=0.3).compile()
    np.testing.assert_allclose(general.deviance(x), kernel.deviance(x), rtol=1e-13)
    laplace = GeneralizedGaussianPrior(mu=1.2, sigma=0.3, eta=1).compile()
    np.testing.assert_allclose(laplace.deviance(x), -2 * stats.laplace(1.2, np.sqrt(2) * 0.3).logpdf(x), rtol=1e-13)


@pytest.mark.parametrize("prior", [UniformPrior(min=1, max=2), LogUniformPrior(min=1, max=2)], ids=repr)
def test_outside_of_a_range(prior):
    kernel = prior.compile()
    outside = np.array([-1.0, 0.0, 0.999, 2.001])
    assert np.all(kernel.deviance(outside) == np.inf)
    assert np.all(kernel.gradient(outside) == 0)
    assert np.all(np.isfinite(kernel.deviance(np.array([1.0, 2.0]))))


def test_the_centre_of_a_peak_has_finite_derivatives():
    kernel = GeneralizedGaussianPrior(eta=2).compile()
    assert np.isfinite(kernel.gradient(np.array(0.0)))
    assert np.isfinite(kernel.curvature(np.array(0.0)))


def test_units_are_those_of_the_parameter():
    plain = Parameter("cutoff", "1.5 TeV", prior=GaussianPrior(mu=1, sigma=0.5))
    given = Parameter("cutoff", "1.5 TeV", prior=GaussianPrior(mu="1000 GeV", sigma="0.5 TeV"))
    assert given.prior(given) == pytest.approx(plain.prior(plain), rel=1e-14)


def test_a_number_is_in_the_unit_of_the_prior():
    prior = GaussianPrior(mu="1 TeV", sigma="100 GeV")
    assert prior(1.1) == pytest.approx(GaussianPrior(mu=1, sigma=0.1)(1.1))
    # A density per GeV is a thousandth of one per TeV.
    assert prior(1100 * u.GeV) == pytest.approx(prior(1.1) + 2 * np.log(1000))
    assert UniformPrior(max="2 TeV")(1.0) == pytest.approx(2 * np.log(2))


def test_weight_multiplies():
    assert GaussianPrior(mu=1, sigma=2, weight=3)(2.0) == pytest.approx(3 * GaussianPrior(mu=1, sigma=2)(2.0))


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_round_trip(prior):
    assert Prior.from_dict(prior.to_dict()).to_dict() == prior.to_dict()
    assert type(Prior.from_dict({"prior": prior.to_dict()})) is type(prior)
    assert prior.copy().to_dict() == prior.to_dict()


def test_numbers_of_a_class_are_not_shared():
    first, second = GaussianPrior(), GaussianPrior()
    first.mu.value = 7
    assert second.mu.value == 0
    assert [number.name for number in first] == ["mu", "sigma"]


def test_a_prior_of_a_user():
    class CauchyPrior(Prior):
        x0 = PriorParameter("x0", 0)

        def kernel(self, x0):
            from gammafold.modeling.models.prior import PriorKernel

            return PriorKernel(
                lambda x: 2 * np.log(np.pi * (1 + (x - x0) ** 2)),
                lambda x: 4 * (x - x0) / (1 + (x - x0) ** 2),
                lambda x: 4 * (1 - (x - x0) ** 2) / (1 + (x - x0) ** 2) ** 2,
            )

    parameter = Parameter("a", 2, prior=CauchyPrior(x0=1))
    assert parameter.prior(parameter) == pytest.approx(-2 * stats.cauchy(1).logpdf(2))
    again = Prior.from_dict(parameter.prior.to_dict())
    assert type(again) is CauchyPrior
    assert again.x0.value == 1


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: GaussianPrior(sigma=0), InputError, "GaussianPrior.sigma is 0: expected more than 0"),
        (lambda: GeneralizedGaussianPrior(eta=-1), InputError, "GeneralizedGaussianPrior.eta is -1"),
        (lambda: UniformPrior(min=2, max=1), InputError, r"range \[2, 1\]"),
        (lambda: UniformPrior(min="2 TeV", max="1000 GeV"), InputError, r"range \[2, 1000\]"),
        (
            lambda: UniformPrior(min="1 s", max="2 TeV"),
            UnitsError,
            r"UniformPrior.min and max have the units \['s', 'T",
        ),
        (
            lambda: GaussianPrior(mu="1 TeV", sigma=0.1),
            UnitsError,
            r"GaussianPrior.mu and sigma have the .*\['TeV', ''\]",
        ),
        (lambda: GaussianPrior(weight=-1), InputError, "the weight of a GaussianPrior is -1: expected 0 or more"),
        (lambda: GaussianPrior(weight=np.nan), InputError, "the weight of a GaussianPrior is nan"),
        (
            lambda: setattr(GaussianPrior(), "mu", 5),
            InputTypeError,
            "GaussianPrior.mu cannot be set to 5: set mu.value",
        ),
        (lambda: Parameter("index", 2, prior=GaussianPrior(mu="1 TeV", sigma="1 TeV")), UnitsError, "mu is in TeV"),
        (lambda: UniformPrior(max=np.inf), InputError, "expected finite ends"),
        (lambda: LogUniformPrior(min=0, max=1), InputError, "LogUniformPrior.min is 0"),
        (lambda: GaussianPrior(width=1), InputTypeError, r"no parameter \['width'\]: there are \['mu', 'sigma'\]"),
        (lambda: Prior.from_dict({"type": "FlatPrior"}), FileFormatError, "unknown type 'FlatPrior'"),
        (
            lambda: Prior.from_dict({"type": "GaussianPrior", "parameters": [{"name": "m", "value": 1}]}),
            FileFormatError,
            "GaussianPrior has no parameter 'm'",
        ),
    ],
)
def test_what_makes_no_prior(make, error, match):
    with pytest.raises(error, match=match):
        make()
