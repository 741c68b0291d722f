"""Predicted counts against quadrature by scipy, bin by bin, with formulas written out here."""

from functools import partial

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from gammafold.datasets import SpectrumDataset
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import (
    BrokenPowerLawSpectralModel,
    ExpCutoffPowerLawSpectralModel,
    GaussianSpectralModel,
    LogParabolaSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
)
from gammafold.utils.errors import GammafoldWarning, InputError, UnknownNameError

DIFFERENTIAL = "cm-2 s-1 TeV-1"


def power_law(energy, index):
    return 3e-12 * energy**-index


def log_parabola(energy, beta):
    return 3e-12 * energy ** -(2.1 + beta * np.log(energy))


def cutoff(energy, lambda_, alpha):
    return 3e-12 * energy**-1.7 * np.exp(-((lambda_ * energy) ** alpha))


def broken(energy):
    return 3e-12 * (energy / 3.3) ** -(1.5 if energy < 3.3 else 3.2)


def line(energy, mean, sigma):
    return 2e-12 / (sigma * np.sqrt(2 * np.pi)) * np.exp(-0.5 * ((energy - mean) / sigma) ** 2)


ONE = {"amplitude": 3e-12 * u.Unit(DIFFERENTIAL), "reference": 1 * u.TeV}
# The model, the formula, and points between which the formula is smooth.
CASES = {
    **{
        f"power law {index}": (PowerLawSpectralModel(index=index, **ONE), partial(power_law, index=index), [])
        for index in (0.0, 1.0, 2.0, 2.7, 6.0)
    },
    **{
        f"log parabola {beta}": (
            LogParabolaSpectralModel(alpha=2.1, beta=beta, **ONE),
            partial(log_parabola, beta=beta),
            [],
        )
        for beta in (-0.1, 0.3, 1.0)
    },
    **{
        f"cutoff {lambda_} {alpha}": (
            ExpCutoffPowerLawSpectralModel(index=1.7, lambda_=lambda_ / u.TeV, alpha=alpha, **ONE),
            partial(cutoff, lambda_=lambda_, alpha=alpha),
            [],
        )
        for lambda_, alpha in ((0.05, 1.0), (0.5, 1.0), (0.3, 2.0), (0.2, 0.5))
    },
    "broken power law": (
        BrokenPowerLawSpectralModel(index1=1.5, index2=3.2, amplitude=3e-12 * u.Unit(DIFFERENTIAL), ebreak=3.3 * u.TeV),
        broken,
        [3.3],
    ),
    **{
        f"line {mean} {sigma}": (
            GaussianSpectralModel(amplitude="2e-12 cm-2 s-1", mean=mean * u.TeV, sigma=sigma * u.TeV),
            partial(line, mean=mean, sigma=sigma),
            [mean + k * sigma for k in (-30, -8, -4, -2, 0, 2, 4, 8, 30)],
        )
        for mean, sigma in ((4.4, 0.002), (1.0, 0.03), (9.0, 1e-5))
    },
}


def integral(formula, low, high, points):
    """Return the integral over a bin, by quadrature in the logarithm of energy, piece by piece."""
    inside = [low, *sorted(p for p in points if low < p < high), high]
    return sum(
        quad(lambda x: formula(np.exp(x)) * np.exp(x), np.log(a), np.log(b), epsabs=0, epsrel=1e-10, limit=200)[0]
        for a, b in zip(inside, inside[1:], strict=False)
    )


@pytest.mark.parametrize("edisp", ["kernel", None])
@pytest.mark.parametrize("name", CASES)
def test_npred_is_the_integral_of_the_formula_folded(name, edisp, make):
    model, formula, points = CASES[name]
    dataset = make(seed=3, edisp=edisp, background=False)
    dataset.models = SkyModel(model, name="source")
    edges = dataset.exposure.geom.axes["energy_true"].edges.to_value("TeV")
    flux = np.array([integral(formula, a, b, points) for a, b in zip(edges[:-1], edges[1:], strict=True)])
    events = flux * dataset.exposure.data.reshape(-1)
    n_bins = dataset.data_shape[0]
    matrix = np.eye(n_bins) if edisp is None else dataset.edisp.edisp_map.data.reshape(-1, n_bins)
    expected = events @ matrix
    assert_allclose(dataset.npred().data.reshape(-1), expected, rtol=1e-8, atol=1e-12 * expected.max())


def test_exposure_in_any_unit(make, any_model):
    reference = make(seed=1, unit="cm2 s")
    for unit in ("m2 s", "km2 h", "cm2 yr"):
        dataset = make(seed=1, unit=unit)
        for one in (reference, dataset):
            one.models = any_model
        assert_allclose(dataset.npred().data, reference.npred().data, rtol=1e-12)


def test_prediction_is_linear_in_exposure_and_amplitude(make, any_model):
    dataset = make(seed=2, background=False)
    dataset.models = any_model
    once = dataset.npred().data
    dataset.exposure.data *= 3
    assert_allclose(dataset.npred().data, 3 * once, rtol=1e-12)


def test_migra_map_is_folded_as_the_kernel_that_it_makes(make, any_model):
    dataset = make(seed=4, edisp="migra")
    other = dataset.copy(name="other")
    other.edisp = dataset.edisp.to_edisp_kernel_map(dataset.reco_energy_axis)
    for one in (dataset, other):
        one.models = any_model
    assert dataset.npred_signal().data.sum() > 0
    assert_allclose(other.npred().data, dataset.npred().data, rtol=1e-12)


def test_signal_and_background_add_up(make):
    dataset = make(seed=5)
    models = [
        SkyModel(PowerLawSpectralModel(index=index, amplitude="3e-12 cm-2 s-1 TeV-1"), name=f"source {index}")
        for index in (1.5, 2.5, 3.5)
    ]
    assert not dataset.npred_signal().data.any()
    assert_allclose(dataset.npred().data, dataset.background.data)
    dataset.models = models
    each = [dataset.npred_signal(model).data for model in models]
    assert_allclose(dataset.npred_signal().data, sum(each), rtol=1e-12)
    assert_allclose(dataset.npred().data, sum(each) + dataset.background.data, rtol=1e-12)
    by_name = dataset.npred_signal(model_names=["source 2.5", "source 1.5"])
    assert_allclose(by_name.data, each[0] + each[1], rtol=1e-12)
    assert_allclose(dataset.npred_signal(model_names="source 3.5").data, each[2], rtol=1e-12)
    apart = dataset.npred_signal(stack=False)
    assert list(apart.geom.axes["models"].center) == [model.name for model in models]
    assert_allclose(apart.data, each, rtol=1e-12)


def test_npred_of_a_model_that_is_not_there(make):
    dataset = make(seed=5)
    dataset.models = SkyModel(PowerLawSpectralModel(), name="crab")
    with pytest.raises(UnknownNameError, match=r"dataset 'd' has no such model: .*; it has \['crab'\]"):
        dataset.npred_signal(SkyModel(PowerLawSpectralModel(), name="other"))
    with pytest.raises(UnknownNameError, match=r"dataset 'd' has no model \['other'\]: it has \['crab'\]"):
        dataset.npred_signal(model_names="other")
    dataset.models = []
    with pytest.raises(InputError, match="has no sky models"):
        dataset.npred_signal(stack=False)


def test_what_is_returned_is_the_callers(make):
    dataset = make(seed=6)
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude="3e-12 cm-2 s-1 TeV-1"), name="crab")
    expected = dataset.npred().data.copy()
    for made in (dataset.npred(), dataset.npred_background(), dataset.npred_signal(), dataset.mask, dataset.excess):
        made.data[...] = 0
    dataset.npred_signal(dataset.models[0]).data[...] = 7
    assert_allclose(dataset.npred().data, expected, rtol=0)


def test_negative_predictions_are_kept_and_impossible(make):
    dataset = make(seed=7, safe=None, fit=None)
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude="-1e-9 cm-2 s-1 TeV-1"), name="hole")
    assert (dataset.npred().data < 0).all()
    assert dataset.stat_sum() == np.inf


def test_axes_that_differ_without_energy_dispersion_share_out_by_overlap_and_say_so():
    reco = MapAxis.from_energy_edges([1, 2, 4] * u.TeV, name="energy")
    true = MapAxis.from_energy_edges([0.5, 1.5, 3.0, 6.0] * u.TeV, name="energy_true")
    geoms = [RegionGeom.create(None, axes=[axis]) for axis in (reco, true)]
    dataset = SpectrumDataset(
        counts=RegionNDMap(geoms[0]),
        exposure=RegionNDMap(geoms[1], data=np.full((3, 1, 1), 1e12), unit="cm2 s"),
        models=SkyModel(PowerLawSpectralModel(index=0, amplitude="1e-12 cm-2 s-1 TeV-1")),
        name="d",
    )
    with pytest.warns(GammafoldWarning, match="dataset 'd' has no energy dispersion"):
        npred = dataset.npred()
    # A flat spectrum of one count per TeV.
    assert_allclose(npred.data.reshape(-1), [1.0, 2.0], rtol=1e-12)


def test_models_without_exposure_cannot_be_folded(make):
    dataset = make(seed=8)
    dataset.exposure = None
    assert_allclose(dataset.npred().data, dataset.background.data)
    dataset.models = SkyModel(PowerLawSpectralModel(), name="crab")
    with pytest.raises(InputError, match=r"dataset 'd' has no exposure: the counts of \['crab'\] are unknown"):
        dataset.npred()
