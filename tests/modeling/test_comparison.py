"""Nested models and information criteria."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.comparison import TestStatisticNested, compare_nested, select_nested_models, ts_to_sigma
from gammafold.modeling.models import LogParabolaSpectralModel, PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files
from gammafold.utils.errors import FitError, InputError

AMPLITUDE = "4e-11 cm-2 s-1 TeV-1"
# The difference of the two exact minima of the reference numbers.
TS = 156.99269048778416 - 152.04142132721827


def crab(curved=True):
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    if curved:
        spectrum = LogParabolaSpectralModel(amplitude=AMPLITUDE, reference="1 TeV", alpha=2.5, beta=0.1)
    else:
        spectrum = PowerLawSpectralModel(amplitude=AMPLITUDE)
    datasets.models = SkyModel(spectrum, name="crab")
    return datasets


@pytest.fixture(scope="module")
def fits():
    return Fit().run(crab(curved=False)), Fit().run(crab())


def test_compare(fits):
    comparison = compare_nested(*fits)
    assert_allclose(comparison.ts, TS, atol=2e-6)
    assert comparison.dof == 1
    assert_allclose(comparison.p_value, chi2.sf(TS, 1), rtol=1e-5)
    assert_allclose(comparison.sigma, np.sqrt(TS), rtol=1e-6)
    assert_allclose(comparison.delta_aic, 2 - TS, atol=2e-6)
    assert_allclose(comparison.delta_bic, np.log(fits[0].n_data) - TS, atol=2e-6)
    assert comparison.caveat == ""


def test_criteria(fits):
    null = fits[0]
    assert_allclose(null.aic, null.total_stat + 4)
    assert_allclose(null.bic, null.total_stat + 2 * np.log(168))


@pytest.mark.parametrize(("ts", "dof"), [(0.3, 1), (9.0, 2), (25.0, 5), (300.0, 3)])
def test_significance(ts, dof):
    assert_allclose(ts_to_sigma(ts, dof), norm.isf(0.5 * chi2.sf(ts, dof)), rtol=1e-9)


def test_significance_beyond_the_smallest_number():
    # The chi2 distribution with two degrees of freedom is an exponential: ln p = -ts / 2.
    for ts in (1000.0, 2e4):
        sigma = ts_to_sigma(ts, 2)
        log_p = norm.logsf(sigma) + np.log(2)
        assert_allclose(log_p, -0.5 * ts, rtol=1e-9)
    assert_allclose(ts_to_sigma(1599.9, 4), ts_to_sigma(1600.1, 4), rtol=1e-3)


def test_what_cannot_be_compared(fits):
    null, alternative = fits
    with pytest.raises(InputError, match="the alternative has 2 free parameters and the null 3"):
        compare_nested(alternative, null)
    with pytest.raises(InputError, match="of 168 and 100 bins: expected the same data"):
        compare_nested(null, dataclasses.replace(alternative, n_data=100))
    with pytest.raises(InputError, match="fits worse than the null, by 5: the models are not nested"):
        compare_nested(null, dataclasses.replace(alternative, total_stat=null.total_stat + 5))
    with pytest.raises(FitError, match="the fit of the alternative did not converge"):
        compare_nested(null, dataclasses.replace(alternative, success=False))
    with pytest.raises(InputError, match="ts is -1 with 1 degrees of freedom"):
        ts_to_sigma(-1)


def test_a_limit_is_a_caveat(fits):
    null, alternative = fits
    limited = dataclasses.replace(alternative, at_limit=("beta",))
    assert (
        "beta of the alternative on a limit: the test statistic follows no chi2" in compare_nested(null, limited).caveat
    )


def test_alternative_is_kept():
    datasets = crab()
    beta = datasets.parameters["beta"]
    result = select_nested_models(datasets, [beta], [0.0], n_sigma=2)
    assert_allclose(result["ts"], TS, atol=2e-6)
    assert not beta.frozen
    assert_allclose(beta.value, result["fit_results"]["beta"][0])
    assert beta.error == result["fit_results"]["beta"][1]
    assert_allclose(datasets.stat_sum(), result["fit_results"].total_stat)
    assert_allclose(datasets.models.covariance.get_subcovariance([beta]).data[0, 0], beta.error**2)


def test_null_is_kept():
    datasets = crab()
    beta = datasets.parameters["beta"]
    result = select_nested_models(datasets, [beta], [0.0], n_sigma=3)
    assert beta.frozen
    assert beta.value == 0
    assert_allclose(datasets.stat_sum(), result["fit_results_null"].total_stat)
    assert result["fit_results_null"].n_free == 2


def test_nothing_is_changed_without_selection():
    datasets = crab()
    test = TestStatisticNested([datasets.parameters["beta"]], [0.0])
    assert_allclose(test.ts(datasets), TS, atol=2e-6)
    assert_allclose(test.ts_threshold, 4, rtol=1e-9)
    assert datasets.parameters["beta"].value == 0.1
    assert datasets.parameters["alpha"].value == 2.5
    assert not datasets.parameters["beta"].frozen


def test_a_link_as_null():
    datasets = crab()
    names = datasets.names
    spectra = [PowerLawSpectralModel(amplitude=AMPLITUDE) for _ in range(2)]
    datasets.models = [
        SkyModel(spectra[0], name="first", datasets_names=names[:2]),
        SkyModel(spectra[1], name="second", datasets_names=names[2:]),
    ]
    own = spectra[1].index
    result = select_nested_models(datasets, [spectra[1].index], [spectra[0].index], n_sigma=5)
    assert spectra[1].index is spectra[0].index
    assert result["fit_results_null"].n_free == 3
    assert 0 <= result["ts"] < 25
    spectra[1].index = own
    TestStatisticNested([own], [spectra[0].index]).ts(datasets)
    assert spectra[1].index is own


def test_what_cannot_be_tested():
    datasets = crab()
    beta, reference = datasets.parameters["beta"], datasets.parameters["reference"]
    with pytest.raises(InputError, match="1 parameters and 2 null values"):
        TestStatisticNested([beta], [0, 1])
    with pytest.raises(InputError, match="none of the parameters is free"):
        TestStatisticNested([reference], [1])
    other = crab().parameters["beta"]
    with pytest.raises(InputError, match="parameter 'beta' is none of the models of these datasets"):
        select_nested_models(datasets, [other], [0])
