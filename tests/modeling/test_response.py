"""Nuisance parameters of the response: energy scales and norms of datasets."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling import Fit, Parameter
from gammafold.modeling.models import (
    BrokenPowerLawSpectralModel,
    DatasetNormModel,
    EnergyScaleModel,
    FoVBackgroundModel,
    GaussianSpectralModel,
    LogParabolaSpectralModel,
    Models,
    PowerLawNormSpectralModel,
    PowerLawSpectralModel,
    ResponseCorrection,
    SkyModel,
    SpectralModel,
    TemplateSpectralModel,
)
from gammafold.samples import sample_files
from gammafold.utils.errors import GammafoldWarning, InputError

FLUX = u.Unit("cm-2 s-1 TeV-1")
EXPOSURE = 1e13


class OwnModel(SpectralModel):
    """A user's formula, written for quantities."""

    tag = ("OwnModel", "own")
    level = Parameter("level", "2e-11 cm-2 s-1 TeV-1")
    scale = Parameter("scale", "3 TeV")

    @staticmethod
    def evaluate(energy, level, scale):
        return level / (1 + (energy / scale) ** 3)


SPECTRA = {
    "power law": lambda: PowerLawSpectralModel(index=2.7, amplitude=3e-11 * FLUX),
    "log parabola": lambda: LogParabolaSpectralModel(amplitude=3e-11 * FLUX, reference=1 * u.TeV, alpha=2.4, beta=0.2),
    "broken": lambda: BrokenPowerLawSpectralModel(index1=1.8, index2=3.1, amplitude=3e-11 * FLUX, ebreak=2.2 * u.TeV),
    "template": lambda: TemplateSpectralModel([0.1, 1, 3, 100] * u.TeV, [9e-10, 4e-11, 1e-12, 1e-17] * FLUX),
    "sum": lambda: (
        PowerLawSpectralModel(index=2.7, amplitude=3e-11 * FLUX)
        + GaussianSpectralModel(amplitude=2e-11 / (u.cm**2 * u.s), mean=2 * u.TeV, sigma=0.02 * u.TeV)
    ),
    "product": lambda: (
        TemplateSpectralModel([0.1, 1, 3, 100] * u.TeV, [9e-10, 4e-11, 1e-12, 1e-17] * FLUX)
        * PowerLawNormSpectralModel(norm=1.3, tilt=0.2)
    ),
    "own": OwnModel,
}


def perfect_dataset(name="d", n_bins=9, seed=0):
    """A dataset without energy dispersion: the counts are the integrals of the flux times the exposure."""
    edges = np.geomspace(0.5, 20, n_bins + 1) * u.TeV
    axis = MapAxis.from_energy_edges(edges)
    true = MapAxis.from_energy_edges(edges, name="energy_true")
    dataset = SpectrumDataset.create(axis, true, name=name)
    dataset.exposure.quantity = np.full(dataset.exposure.data.shape, EXPOSURE) * u.Unit("cm2 s")
    dataset.edisp = None
    dataset.background.data[...] = 2.0
    dataset.mask_safe.data[...] = True
    dataset.counts.data[...] = np.random.default_rng(seed).poisson(20, size=dataset.data_shape)
    return dataset


def brute_force(spectrum, edges, z, norm=1.0):
    def shifted(log_energy):
        energy = np.exp(log_energy)
        return energy * norm * float(spectrum(energy / (1 + z) * u.TeV).to_value(FLUX)) / (1 + z)

    # Pieces end where any of the spectra here is not smooth.
    special = np.array([0.1, 1, 3, 100, 2.2, 1.8, 1.9, 2.0, 2.1]) * (1 + z)
    values = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        cuts = np.log([low, *sorted(x for x in special if low < x < high), high])
        values.append(
            sum(quad(shifted, a, b, epsrel=1e-12, epsabs=0)[0] for a, b in zip(cuts[:-1], cuts[1:], strict=True))
        )
    return EXPOSURE * np.array(values)


@pytest.mark.parametrize("z", [0.13, -0.21])
@pytest.mark.parametrize("kind", SPECTRA)
def test_counts_of_a_shifted_energy_scale(kind, z):
    spectrum, dataset = SPECTRA[kind](), perfect_dataset()
    dataset.models = [SkyModel(spectrum, name="s"), EnergyScaleModel("d", z=z), DatasetNormModel("d", norm=1.2)]
    edges = dataset.counts.geom.axes["energy"].edges.to_value("TeV")
    expected = brute_force(spectrum, edges, z, norm=1.2)
    assert_allclose(dataset.npred_signal().data.ravel(), expected, rtol=1e-8)
    assert_allclose(dataset.npred().data.ravel(), expected + 2.0, rtol=1e-8)


@pytest.mark.parametrize("kind", SPECTRA)
def test_jacobian(kind):
    dataset = perfect_dataset()
    scale, norm = EnergyScaleModel("d", z=0.07), DatasetNormModel("d", norm=1.2)
    dataset.models = [SkyModel(SPECTRA[kind](), name="s"), scale, norm]
    likelihood = dataset.likelihood()
    theta = likelihood.x0
    jacobian = likelihood.jacobian(theta)
    for i, step in enumerate(1e-4 * np.abs(theta)):
        moved = theta + np.outer([1, -1, 2, -2], np.eye(len(theta))[i] * step)
        one, two = (likelihood.npred(moved)["d"][k] - likelihood.npred(moved)["d"][k + 1] for k in (0, 2))
        slope = (8 * one - two) / (12 * step)
        rounding = 1e-10 * likelihood.npred(theta)["d"].max() / abs(theta[i])
        assert_allclose(jacobian[i], slope, rtol=1e-6, atol=1e-7 * np.abs(slope).max() + rounding)


def test_shifts_follow_each_other():
    both, once = perfect_dataset("a"), perfect_dataset("b")
    source = SkyModel(SPECTRA["log parabola"](), name="s")
    both.models = [source, EnergyScaleModel(z=0.1, name="all"), EnergyScaleModel("a", z=0.2)]
    once.models = [source, EnergyScaleModel("b", z=1.1 * 1.2 - 1)]
    assert_allclose(both.npred_signal().data, once.npred_signal().data, rtol=1e-12)


def test_datasets_that_share_a_scale_share_the_model():
    calls = []

    class Counting(OwnModel):
        tag = ("Counting",)

        @staticmethod
        def evaluate(energy, level, scale):
            calls.append(np.shape(energy))
            return OwnModel.evaluate(energy, level, scale)

    names = ["a", "b", "c", "d"]
    datasets = Datasets([perfect_dataset(name, seed=i) for i, name in enumerate(names)])
    datasets.models = [SkyModel(Counting(), name="s"), EnergyScaleModel(["a", "b"]), EnergyScaleModel(["c", "d"])]
    likelihood = datasets.likelihood()
    calls.clear()
    likelihood.deviance(np.tile(likelihood.x0, (50, 1)))
    assert len(calls) == 2


def test_only_named_datasets_are_corrected():
    datasets = Datasets([perfect_dataset("a"), perfect_dataset("b")])
    source = SkyModel(SPECTRA["power law"](), name="s")
    datasets.models = [source, DatasetNormModel("a", norm=2.0)]
    plain = perfect_dataset("c")
    plain.models = source
    assert_allclose(datasets["a"].npred_signal(source).data, 2 * plain.npred_signal().data, rtol=1e-12)
    assert_allclose(datasets["b"].npred_signal("s").data, plain.npred_signal().data, rtol=1e-12)
    assert list(datasets["a"].evaluators) == ["s"]


def test_derived_and_stacked_datasets_keep_their_corrections():
    dataset = perfect_dataset("a")
    dataset.models = [SkyModel(SPECTRA["power law"](), name="s"), EnergyScaleModel(z=0.1), FoVBackgroundModel("a")]
    assert dataset.background_model.name == "a-bkg"
    assert dataset.models.background_models == {"a": "a-bkg"}
    assert dataset.to_masked(name="new").models.names == ["s", "energy-scale"]
    other = perfect_dataset("b")
    with pytest.warns(GammafoldWarning, match=r"responses without the corrections \['energy-scale'\] of its members"):
        dataset.stack(other)
    assert dataset.models.names == ["s", "energy-scale"]


def test_values_and_priors_are_not_cached():
    dataset = perfect_dataset("a")
    scale = EnergyScaleModel("a", sigma=0.1)
    dataset.models = [SkyModel(SPECTRA["power law"](), name="s"), scale]
    before = dataset.stat_sum()
    scale.z.value = 0.05
    shifted = dataset.stat_sum()
    assert abs(shifted - before) > 1e-3
    scale.z.prior.sigma.value = 0.2
    assert_allclose(dataset.stat_sum() - shifted, (0.25**2 - 0.5**2) + 2 * np.log(2), rtol=1e-9)


def crab():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    names = datasets.names
    datasets.models = [
        SkyModel(PowerLawSpectralModel(amplitude=4e-11 * FLUX), name="crab"),
        EnergyScaleModel(names[:2], sigma=0.15),
        EnergyScaleModel(names[2:], sigma=0.15),
        DatasetNormModel(names[3], sigma=0.2),
    ]
    return datasets


@pytest.mark.parametrize("backend", ["scipy", "fisher-scoring"])
def test_fits_with_nuisances_agree(backend):
    minuit, other = Fit().run(crab()), Fit(backend).run(crab())
    assert minuit.success
    assert other.success
    assert_allclose((other.values - minuit.values) / minuit.errors, 0, atol=1e-4)
    assert_allclose(other.errors, minuit.errors, rtol=1e-4)
    # What the data cannot tell keeps the width of its prior.
    assert 0.1 < minuit["norm"][1] <= 0.2


def test_a_prior_that_is_narrow_leaves_the_fit_as_it_was():
    datasets = crab()
    for model in datasets.models[1:]:
        model.parameters[0].prior.sigma.value = 1e-6
    plain = crab()
    plain.models = plain.models[:1]
    nuisances, alone = Fit().run(datasets), Fit().run(plain)
    assert_allclose((nuisances.values[:2] - alone.values) / alone.errors, 0, atol=1e-4)
    assert_allclose(nuisances.errors[:2], alone.errors, rtol=1e-4)


def test_files(tmp_path):
    models = crab().models
    models[2].z = models[1].z
    models[3].norm.frozen = True
    models.write(tmp_path / "models.yaml")
    read = Models.read(tmp_path / "models.yaml")
    assert read.names == models.names
    assert [type(model) for model in read] == [type(model) for model in models]
    assert [model.datasets_names for model in read] == [model.datasets_names for model in models]
    assert read[2].z is read[1].z
    assert read[1].z.prior.sigma.value == 0.15
    assert read[3].norm.frozen
    assert read.to_dict() == models.to_dict()


def test_copies_are_independent():
    models = crab().models
    copy = models.copy()
    copy[1].z.value = 0.3
    assert models[1].z.value == 0
    assert copy[1].reassign(copy[1].datasets_names[0], "other").datasets_names[0] == "other"


@pytest.mark.parametrize("sigma", [0, -0.1, np.nan])
def test_a_width_that_is_none(sigma):
    with pytest.raises(InputError, match="sigma of 'z' is .*: expected a width above zero"):
        EnergyScaleModel("a", sigma=sigma)


def test_a_correction_that_says_nothing():
    class Silent(ResponseCorrection):
        tag = ("Silent", "silent")
        shift = Parameter("shift", 0.0)

    dataset = perfect_dataset("a")
    dataset.models = [SkyModel(SPECTRA["power law"](), name="s"), Silent("a")]
    assert dataset.models.names == ["s", "a-silent"]
    with pytest.raises(
        NotImplementedError, match=r"Silent must say in correct\(\) or evaluate_factor\(\) what it does"
    ):
        dataset.npred()


def test_a_model_cannot_be_a_part_of_itself():
    from gammafold.modeling.models import ScaleSpectralModel

    inner = ScaleSpectralModel(PowerLawSpectralModel())
    outer = ScaleSpectralModel(inner)
    with pytest.raises(InputError, match="a model would be a part of itself"):
        inner.model = outer


def test_no_energy_dispersion_map_is_changed():
    dataset = perfect_dataset("a")
    dataset.models = [SkyModel(SPECTRA["power law"](), name="s"), EnergyScaleModel("a", z=0.3)]
    before = dataset.exposure.data.copy()
    dataset.npred()
    assert isinstance(dataset.exposure, RegionNDMap)
    assert_allclose(dataset.exposure.data, before)
