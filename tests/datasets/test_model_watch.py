"""A fingerprint of models holds while values change, and for nothing else."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from gammafold.datasets.fingerprint import Fingerprint
from gammafold.datasets.model_watch import watch_model
from gammafold.modeling.models import (
    DiskSpatialModel,
    ExpDecayTemporalModel,
    GaussianPrior,
    LightCurveTemplateTemporalModel,
    PowerLawSpectralModel,
    SkyModel,
    UniformPrior,
)


@pytest.fixture
def model() -> SkyModel:
    """A source with all parts."""
    model = SkyModel(PowerLawSpectralModel(), DiskSpatialModel(), ExpDecayTemporalModel(), name="a")
    model.spectral_model.index.prior = GaussianPrior(mu=2, sigma=0.1)
    return model


def set_frozen_reference(model):
    model.spectral_model.reference.value = 3


def set_values(model):
    model.spectral_model.index.value = 3
    model.spectral_model.amplitude.error = 1e-13
    model.temporal_model.t0.value = 2


def fit_results(model):
    model.covariance = np.diag(np.full(len(model.parameters), 0.01))


@pytest.mark.parametrize("change", [set_values, set_frozen_reference, fit_results, lambda m: m.covariance, str])
def test_values_do_not_matter(model, change):
    fingerprint = Fingerprint(watch_model(model))
    change(model)
    assert fingerprint.holds()


CHANGES = {
    "frozen": lambda m: setattr(m.spectral_model.index, "frozen", True),
    "limit": lambda m: setattr(m.spectral_model.index, "min", 0),
    "unit": lambda m: setattr(m.spectral_model.amplitude, "quantity", "1e-15 cm-2 s-1 GeV-1"),
    "prior": lambda m: setattr(m.spectral_model.index, "prior", UniformPrior()),
    "no prior": lambda m: setattr(m.spectral_model.index, "prior", None),
    "new prior": lambda m: setattr(m.spectral_model.amplitude, "prior", UniformPrior()),
    "number of a prior": lambda m: setattr(m.spectral_model.index.prior.mu, "value", 2.5),
    "weight of a prior": lambda m: setattr(m.spectral_model.index.prior, "weight", 2),
    "link": lambda m: setattr(m.spectral_model, "index", PowerLawSpectralModel().index),
    "spectral part": lambda m: setattr(m, "spectral_model", PowerLawSpectralModel()),
    "no spatial part": lambda m: setattr(m, "spatial_model", None),
    "temporal part": lambda m: setattr(m, "temporal_model", ExpDecayTemporalModel()),
    "position": lambda m: setattr(m.spatial_model.lon_0, "value", 10),
    "frozen time": lambda m: setattr(m.temporal_model.t_ref, "value", 55555),
    "time scale": lambda m: setattr(m.temporal_model, "scale", "tt"),
    "datasets": lambda m: setattr(m, "datasets_names", ["x"]),
    "attribute": lambda m: setattr(m.spectral_model, "colour", "blue"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_everything_else_does(model, name):
    model.spectral_model.colour = "red"
    fingerprint = Fingerprint(watch_model(model))
    assert fingerprint.holds()
    CHANGES[name](model)
    assert not fingerprint.holds()


def test_arrays_are_watched_by_content(model):
    model.temporal_model = LightCurveTemplateTemporalModel([0, 1] * u.d, [1, 2])
    model.spectral_model.values = [1.0, 2.0] * u.TeV
    model.spectral_model.grids = (np.arange(3), np.arange(4))
    fingerprint = Fingerprint(watch_model(model))
    for array in (model.temporal_model.values, model.spectral_model.values.value, model.spectral_model.grids[1]):
        old = array[1].copy()
        array[1] = 7
        assert not fingerprint.holds()
        array[1] = old
        assert fingerprint.holds()


def test_parts_of_a_sum_are_watched(model):
    model.spectral_model.inner = PowerLawSpectralModel()
    fingerprint = Fingerprint(watch_model(model))
    model.spectral_model.inner.index.frozen = True
    assert not fingerprint.holds()
