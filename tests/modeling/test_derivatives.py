"""Derivatives that models give: against differences, and what they say of their amplitudes."""

import inspect

import numpy as np
import pytest

from gammafold.likelihood.differences import difference_steps, differentiate
from gammafold.modeling import models

ENERGY = np.geomspace(0.1, 50, 7)


def gives_derivatives(kind):
    """Whether a class has derivatives, and a model without arguments."""
    if getattr(kind, "evaluate_derivatives", None) is None:
        return False
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in _arguments(kind))


def _arguments(kind):
    return inspect.signature(kind).parameters.values()


GIVEN = [getattr(models, name) for name in models.__all__ if gives_derivatives(getattr(models, name))]


@pytest.mark.parametrize("kind", GIVEN, ids=lambda kind: kind.__name__)
def test_derivatives_are_those_of_the_formula(kind):
    model = kind()
    values = np.array([parameter.value for parameter in model.parameters]) * 1.1
    flux = model.compile()
    steps = difference_steps(values[None], np.abs(values) + (values == 0))
    every = np.arange(len(values))
    expected = differentiate(lambda *p: flux.evaluate(ENERGY, *p), values[None], every, steps)[:, 0]
    found = flux.derivatives(ENERGY, *values[:, None])
    for row, slope in zip(expected, found, strict=True):
        noise = 1e-9 * (np.abs(row).max() + np.abs(flux.evaluate(ENERGY, *values)).max())
        np.testing.assert_allclose(np.broadcast_to(slope, ENERGY.shape), row, rtol=1e-7, atol=noise)


@pytest.mark.parametrize("kind", [k for k in GIVEN if k.proportional_to], ids=lambda kind: kind.__name__)
def test_a_flux_is_proportional_to_what_it_says(kind):
    model = kind()
    values = np.array([parameter.value for parameter in model.parameters]) * 1.1
    flux = model.compile()
    assert model.parameters.names[flux.proportional] == kind.proportional_to
    slope = flux.derivatives(ENERGY, *values[:, None])[flux.proportional]
    np.testing.assert_allclose(values[flux.proportional] * slope, flux.evaluate(ENERGY, *values), rtol=1e-13)
