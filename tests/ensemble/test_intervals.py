"""Profiles of ensembles: against the confidence intervals of single fits, and a closed form."""

import numpy as np
import pytest

from gammafold.ensemble import realisation, simulate_and_fit
from gammafold.modeling import Fit


def test_intervals_are_those_of_single_fits(make):
    dataset = make.crab_run()
    result = simulate_and_fit(dataset, 30, 1, progress=False, profile="intervals")
    for number in (0, 17):
        again = realisation(dataset, number, random_state=1)
        again.models = again.models.copy()
        fit = Fit()
        fit.run(again)
        for i, name in enumerate(result.names):
            found = fit.confidence(again, name)
            assert result.rows.errn[number, i] == pytest.approx(found["errn"], rel=1e-3)
            assert result.rows.errp[number, i] == pytest.approx(found["errp"], rel=1e-3)
    assert "index_errp" in result.table.colnames


def test_the_truth_is_inside_where_the_rise_is_small(make):
    result = simulate_and_fit(make.counting(counts=30.0), 300, 1, progress=False, profile="intervals")
    rows = result.rows
    low, high = rows.values - rows.errn, rows.values + rows.errp
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(rows.rises)
    assert known.mean() > 0.95
    inside = (low <= result.truth) & (result.truth <= high)
    np.testing.assert_array_equal(inside[known], (rows.rises <= 1)[known])


def test_the_rise_of_one_norm_has_a_closed_form(make):
    dataset = make.counting(counts=10.0, background=0.0, bins=1)
    result = simulate_and_fit(dataset, 100, 1, progress=False, free=["amplitude"], profile="truth")
    n, mu = result.rows.counts, float(dataset.npred().data.sum())
    expected = 2 * (mu - n + n * np.log(n / mu))
    np.testing.assert_allclose(result.rows.rises[:, 0], expected, rtol=1e-6, atol=1e-9)
    assert np.isnan(result.rows.errn).all()
