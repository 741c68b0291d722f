"""What a dataset says of models that give no flux."""

import astropy.units as u
import numpy as np
import pytest

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import Fit, Parameter
from gammafold.modeling import models as m
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError, InputTypeError, UnitsError


class Level(m.SpectralModel):
    """A user's model: ``level`` at all energies, spoilt in a way of its own."""

    tag = "Level"
    level = Parameter("level", "1e-12 cm-2 s-1 TeV-1")

    def __init__(self, spoil=lambda flux: flux, **kwargs):
        super().__init__(**kwargs)
        self.spoil = spoil

    def evaluate(self, energy, level):
        return self.spoil(level * (energy / u.TeV) ** -2.6)


def nowhere(flux):
    raise KeyError("no such table")


def single(flux):
    """Take one parameter vector only."""
    if flux.ndim != 1:
        raise TypeError("one row, please")
    return flux


@pytest.fixture
def dataset():
    return SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])


def with_model(dataset, spectral):
    dataset.models = m.SkyModel(spectral, name="crab")
    return dataset


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (
            lambda flux: flux * np.nan,
            InputError,
            r"'crab' of dataset '23523' gives no finite flux at 0.01059 TeV",
        ),
        (
            lambda flux: np.where(flux.value > 1e-9, np.inf, 1) * flux,
            InputError,
            r"no finite flux at .* energies\)",
        ),
        (nowhere, InputError, r"formula of Level raises KeyError: 'no such table'"),
        (lambda flux: flux * u.s, UnitsError, r"formula of Level does not give a flux in .*is_norm_spectral_model"),
        (lambda flux: flux.sum(), InputError, r"formula of Level gives the shape \(\) for energies of shape \(4,\)"),
        (lambda flux: flux[:2], InputError, r"formula of Level gives the shape \(2,\)"),
        (lambda flux: "bright", InputError, r"formula of Level raises TypeError"),
    ],
)
def test_models_without_a_flux(dataset, spoil, error, message):
    with_model(dataset, Level(spoil))
    for ask in (dataset.npred, dataset.stat_sum, lambda: Fit().run(Datasets([dataset]))):
        with pytest.raises(error, match=message):
            ask()


def test_a_model_that_takes_one_vector_at_a_time(dataset):
    broadcasting = Fit().run(Datasets([with_model(dataset, Level(level="3e-11 cm-2 s-1 TeV-1"))]))
    best = dataset.models["crab"].parameters["level"].value
    looping = Fit().run(Datasets([with_model(dataset, Level(single, level="3e-11 cm-2 s-1 TeV-1"))]))
    assert looping.success
    assert dataset.models["crab"].parameters["level"].value == pytest.approx(best, rel=1e-6)
    assert looping.total_stat == pytest.approx(broadcasting.total_stat, rel=1e-10)


@pytest.mark.parametrize(
    "spectral", [m.PowerLawNormSpectralModel(), m.ConstantSpectralModel(1.0)], ids=["power law", "constant"]
)
def test_a_factor_is_no_source(dataset, spectral):
    with_model(dataset, spectral)
    with pytest.raises(InputError, match=r"model 'crab' of dataset '23523' is a factor without unit, .*multiply it by"):
        dataset.npred()


def test_negative_flux_is_no_likelihood(dataset):
    cash = dataset.to_spectrum_dataset()
    with_model(cash, Level(level="-1e-9 cm-2 s-1 TeV-1"))
    assert (cash.npred_signal().data < 0).any()
    assert cash.stat_sum() == np.inf


def test_redshift_beyond_the_table(dataset):
    ebl = m.EBLAbsorptionNormSpectralModel([0.1, 10] * u.TeV, [0.1, 0.2], np.exp([[-1, -4], [-2, -8]]))
    law = m.PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1")
    with_model(dataset, law * ebl)
    before = dataset.stat_sum()
    ebl.redshift.value = 0.3
    # What is compiled takes values as arguments and checks nothing, but makes up no flux either.
    assert not np.isfinite(dataset.stat_sum())
    with pytest.raises(InputError, match="redshift is 0.3: the table of the absorption has 0 to 0.2"):
        dataset.npred()
    ebl.redshift.value = 0.1
    assert dataset.stat_sum() == before


def test_a_free_redshift_stays_in_its_table(dataset):
    ebl = m.EBLAbsorptionNormSpectralModel([0.1, 1, 10] * u.TeV, [0.1, 0.2], np.exp([[-0.1, -1, -4], [-0.2, -2, -8]]))
    ebl.redshift.frozen = False
    law = m.PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1", index=2.6)
    law.index.frozen = True
    with_model(dataset, law * ebl)
    Fit().run(Datasets([dataset]))
    assert 0 <= ebl.redshift.value <= 0.2
    assert np.isfinite(dataset.stat_sum())


@pytest.mark.parametrize("names", [3, [3], ["a", None], b"run"])
def test_names_of_datasets_are_strings(names):
    with pytest.raises(InputTypeError, match="datasets_names of model 'source' are .*: expected strings or None"):
        m.SkyModel(m.PowerLawSpectralModel(), name="source", datasets_names=names)
    with pytest.raises(InputTypeError, match="datasets_names of model 'energy-scale' are .*: expected strings or None"):
        m.EnergyScaleModel(names)


def test_a_formula_that_divides_by_zero_gives_no_flux(dataset):
    dataset.models = m.SkyModel(m.SmoothBrokenPowerLawSpectralModel(index2=3, beta=0), name="sharp")
    with pytest.raises(InputError, match="model 'sharp' of dataset .* gives no finite flux at"):
        dataset.npred()
