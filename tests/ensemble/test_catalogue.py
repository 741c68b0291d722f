"""Fits of a catalogue: those of single fits, whatever is batched."""

import numpy as np
import pytest

from gammafold.datasets import Datasets
from gammafold.datasets.collection import as_datasets
from gammafold.ensemble import fit_many
from gammafold.modeling import Fit
from gammafold.modeling.models import LogParabolaSpectralModel, SkyModel
from gammafold.modeling.models.prior import GaussianPrior
from gammafold.utils.errors import InputError, InputTypeError


@pytest.fixture
def catalogue(make):
    """Sources of all kinds: runs with masks of their own, counts with a known background, a joint fit, a prior."""
    items = []
    for number in range(6):
        run = make.crab_run(number % 4, make.power_law(2.4 + 0.1 * number, 4e-11, name=f"s{number}"), f"run-{number}")
        run.exposure.data *= 1.0 + 0.3 * number
        run.mask_fit = run.counts.geom.energy_mask(energy_min=f"{0.6 + 0.1 * number} TeV")
        items.append(run)
    for number in range(5):
        counted = make.counting(f"counting-{number}", counts=80.0 + 30 * number, model=make.power_law(2.2, 3e-11))
        counted.fake(random_state=number)
        items.append(counted)
    prior = make.counting("prior")
    prior.fake(random_state=9)
    prior.models.parameters["index"].prior = GaussianPrior(mu=2.0, sigma=0.1)
    pair = Datasets([make.crab_run(0), make.crab_run(1)])
    pair.models = make.power_law()
    parabola = LogParabolaSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", reference="1 TeV", alpha=2.4, beta=0.1)
    curved = make.crab_run(2, SkyModel(parabola, name="curved"), "curved")
    return [*items, prior, pair, curved]


def test_fits_are_those_of_single_fits(catalogue):
    result = fit_many(catalogue, progress=False)
    assert result.n_success == len(catalogue) == len(result)
    assert [fit.stacked for fit in result.fits] == [True] * 11 + [False] * 3
    for item, fit in zip(catalogue, result.fits, strict=True):
        alone = as_datasets(item).copy()
        expected = Fit().run(alone)
        assert (np.abs(fit.values - expected.values) < 1e-3 * expected.errors).all()
        assert fit.stat == pytest.approx(expected.total_stat, abs=1e-5)
        assert fit.n_data == expected.n_data


def test_the_table_has_what_each_item_has(catalogue):
    table = fit_many(catalogue, progress=False).table
    assert table["name"][0] == "run-0"
    assert np.isfinite(table["index"][:13]).all()
    assert np.isnan(table["index"][13])
    assert np.isfinite(table["beta"][13])
    assert np.isnan(table["beta_err"][:13]).all()


def test_the_same_model_for_all(make, catalogue):
    before = [parameter.value for parameter in catalogue[0].models.parameters]
    result = fit_many(catalogue[:6], make.power_law(), progress=False)
    assert "6 fits, 6 converged, 6 fitted in batches" in repr(result)
    assert [parameter.value for parameter in catalogue[0].models.parameters] == before
    np.testing.assert_allclose(result[0].values, fit_many(catalogue[:1], progress=False)[0].values, rtol=1e-4)


def test_what_cannot_be_fitted_does_not_stop_the_others(make):
    good, bad, empty = make.crab_run(0), make.counting("no-exposure"), make.counting("no-model")
    bad.exposure = None
    empty.models = None
    result = fit_many([good, bad, empty], progress=False)
    assert [fit.success for fit in result.fits] == [True, False, False]
    assert "dataset 'no-exposure' has no exposure" in result[1].message
    assert "no models" in result[2].message
    assert "without success: ['no-exposure', 'no-model']" in repr(result)
    assert np.isnan(result.table["stat"][1])


def test_hessian_errors(catalogue):
    result = fit_many(catalogue[:1], progress=False, errors="hessian")
    expected = Fit().run(as_datasets(catalogue[0]).copy())
    np.testing.assert_allclose(result[0].errors, expected.errors, rtol=1e-3)


def test_what_is_refused(make):
    with pytest.raises(InputError, match="no datasets: there is nothing to fit"):
        fit_many([], progress=False)
    with pytest.raises(InputError, match="errors is 'minos'"):
        fit_many([make.counting()], errors="minos", progress=False)
    with pytest.raises(InputTypeError, match="is no dataset"):
        fit_many([[1]], progress=False)
    with pytest.raises(InputTypeError, match="client is 1"):
        fit_many([make.counting()], client=1, progress=False)
