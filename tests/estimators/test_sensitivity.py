"""Sensitivity: the three conditions, and which of them decides."""

from __future__ import annotations

import numpy as np
import pytest

from gammafold.estimators import SensitivityEstimator
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.stats.counts_statistic import CashCountsStatistic, WStatCountsStatistic
from gammafold.utils.errors import InputError

BACKGROUND = np.array([1e5, 2000.0, 40.0, 0.1])


def dataset_with(make, background=BACKGROUND, **kwargs):
    return make(np.zeros(len(background)), background=background, **kwargs)


def test_each_condition_decides_somewhere(make):
    table = SensitivityEstimator().run(dataset_with(make))
    assert list(table["criterion"]) == ["bkg", "significance", "significance", "gamma"]
    excess = np.asarray(table["excess"])
    assert excess[0] == pytest.approx(0.05 * 1e5)
    assert excess[3] == 10
    significance = CashCountsStatistic(BACKGROUND + excess, BACKGROUND).sqrt_ts
    np.testing.assert_allclose(significance[1:3], 5, rtol=1e-9)
    assert (significance[[0, 3]] > 5).all()


def test_flux_predicts_the_excess(make):
    """A source of the flux that the table gives, folded, has the excess that it gives."""
    model = PowerLawSpectralModel(index=2.4, amplitude="3e-12 cm-2 s-1 TeV-1")
    dataset = dataset_with(make)
    table = SensitivityEstimator(spectral_model=model).run(dataset)
    for number, row in enumerate(table):
        source = model.copy()
        wanted = row["e2dnde"] * table["e2dnde"].unit / (row["e_ref"] * table["e_ref"].unit) ** 2
        source.amplitude.value *= float((wanted / model(row["e_ref"] * table["e_ref"].unit)).to(""))
        dataset.models = SkyModel(source, name="source")
        assert dataset.npred_signal().data[number, 0, 0] == pytest.approx(row["excess"], rel=1e-9)
    assert table["e2dnde"].unit.is_equivalent("erg cm-2 s-1")


def test_off_counts(make):
    off = np.array([500.0, 40.0])
    table = SensitivityEstimator(gamma_min=0, bkg_syst_fraction=0).run(make([0, 0], n_off=off, alpha=0.2))
    found = WStatCountsStatistic(0.2 * off + np.asarray(table["excess"]), off, np.full(2, 0.2)).sqrt_ts
    np.testing.assert_allclose(found, 5, rtol=1e-9)
    assert set(table["criterion"]) == {"significance"}


def test_settings(make):
    dataset = dataset_with(make)
    low = SensitivityEstimator(n_sigma=3, gamma_min=1, bkg_syst_fraction=0.01).run(dataset)
    high = SensitivityEstimator(n_sigma=3, gamma_min=20, bkg_syst_fraction=0.1).run(dataset)
    assert (low["excess"] <= high["excess"]).all()
    assert low["excess"][3] < 10


def test_no_exposure_has_no_sensitivity(make):
    table = SensitivityEstimator().run(make([0, 0], background=[5.0, 5.0], exposure=np.array([0.0, 1e13])))
    np.testing.assert_array_equal(np.isnan(np.asarray(table["e2dnde"])), [True, False])


def test_the_dataset_is_left_as_it_was(make):
    dataset = dataset_with(make)
    dataset.models = SkyModel(PowerLawSpectralModel(), name="mine")
    SensitivityEstimator().run(dataset)
    assert dataset.models.names == ["mine"]


def test_bad_input(make):
    with pytest.raises(InputError, match="n_sigma, gamma_min and bkg_syst_fraction are -5"):
        SensitivityEstimator(n_sigma=-5)
    with pytest.raises(InputError, match="dataset 'd' has no background: its sensitivity is unknown"):
        SensitivityEstimator().run(make([1, 2]))
