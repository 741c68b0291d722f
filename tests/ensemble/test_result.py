"""What an ensemble says of itself: numbers against their definitions, files and plots."""

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from scipy.stats import beta

from gammafold.ensemble import EnsembleResult
from gammafold.ensemble.block import FitRows
from gammafold.ensemble.result import binomial_error
from gammafold.utils.errors import FileFormatError, InputError, UnknownNameError


@pytest.fixture
def result():
    """Normal values with known errors, some of them failed or without an error."""
    rng = np.random.default_rng(0)
    n = 5000
    truth = np.array([2.5, 4e-11])
    sigma = np.array([0.2, 5e-12])
    values = truth + sigma * rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], n)
    errors = np.tile(sigma, (n, 1))
    success = np.ones(n, dtype=bool)
    success[::50] = False
    errors[~success] = np.nan
    errors[7, 1] = np.nan
    unknown = np.full((n, 2), np.nan)
    fits = np.arange(n), values, errors, rng.chisquare(6, n), success, ~success, rng.poisson(50.0, n) * 1.0
    rows = FitRows(*fits, ((values - truth) / errors) ** 2, unknown, unknown)
    return EnsembleResult(("index", "amplitude"), ("", "1 / (TeV s cm2)"), truth, rows, n, 8, 2**100, "fisher")


def test_numbers_are_those_of_their_definitions(result):
    use = result.success
    np.testing.assert_allclose(result.pulls[use, 0], (result.values[use, 0] - 2.5) / 0.2)
    row = result.summary()[0]
    assert row["mean"] == pytest.approx(result.values[use, 0].mean())
    assert row["bias_err"] == pytest.approx(result.values[use, 0].std(ddof=1) / np.sqrt(use.sum()))
    assert row["pull_width"] == pytest.approx(1, abs=0.04)
    assert row["n"] == 4900
    assert result.summary()["n"][1] == 4899
    assert result.correlation[0, 1] == pytest.approx(0.6, abs=0.04)


def test_normal_values_are_covered_as_they_should(result):
    table = result.coverage([0.5, 1.0, 2.0])
    assert len(table) == 6
    np.testing.assert_allclose(table["nominal"][:3], [0.382925, 0.682689, 0.954500], atol=1e-6)
    assert (np.abs(table["coverage"] - table["nominal"]) < 4 * table["error"]).all()
    summary = result.summary()
    assert summary["coverage_68"][0] == table["coverage"][1]
    assert summary["coverage_95_err"][1] == table["error"][5]


@pytest.mark.parametrize(("k", "n"), [(0, 10), (683, 1000), (10, 10)])
def test_binomial_errors(k, n):
    assert binomial_error(k, n) == pytest.approx(beta(k + 0.5, n - k + 0.5).std(), rel=1e-12)


def test_coverage_of_profiles(result):
    np.testing.assert_allclose(result.coverage(intervals="profile")["coverage"], result.coverage()["coverage"])
    with pytest.raises(InputError, match="intervals is 'minos'"):
        result.coverage(intervals="minos")
    without = replace(result, rows=replace(result.rows, rises=np.full((5000, 2), np.nan)))
    with pytest.raises(InputError, match="no profile was followed"):
        without.coverage(intervals="profile")


def test_half_widths_must_be_positive(result):
    with pytest.raises(InputError, match=r"sigma is \[0, 1\]"):
        result.coverage([0, 1])


def test_the_table(result):
    table = result.table
    assert table.colnames == [
        "realisation", "index", "index_err", "amplitude", "amplitude_err", "stat", "success", "retried", "counts",
    ]  # fmt: skip
    assert table["amplitude"].unit == u.Unit("cm-2 s-1 TeV-1")
    np.testing.assert_array_equal(table["stat"], result.stat)
    assert result.index("amplitude") == 1
    with pytest.raises(UnknownNameError, match="no free parameter 'beta': there are"):
        result.index("beta")


def test_without_success_nothing_is_claimed(result):
    rows = result.rows
    nothing = replace(rows, errors=np.full_like(rows.errors, np.nan), success=np.zeros(5000, bool))
    failed = EnsembleResult(result.names, result.units, result.truth, nothing, 6000, 8, 1, "fisher")
    assert failed.n_success == 0
    assert not failed.is_complete
    assert np.isnan(failed.summary()["coverage_68"]).all()
    assert np.isnan(failed.coverage()["coverage"]).all()
    assert np.isnan(failed.correlation).all()
    assert "0 converged" in repr(failed)
    assert "of 6000 that were asked for (interrupted)" in repr(failed)


@pytest.mark.parametrize("name", ["ensemble.fits", "ensemble.fits.gz", "ensemble.parquet"])
def test_files_are_read_as_they_were_written(result, tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
        pytest.importorskip("pandas")
    path = tmp_path / name
    result.write(path)
    again = EnsembleResult.read(path)
    for field in ("values", "errors", "stat", "success"):
        np.testing.assert_array_equal(getattr(again, field), getattr(result, field))
    assert again.values.dtype == np.dtype(float)
    np.testing.assert_array_equal(again.truth, result.truth)
    for field in ("names", "units", "n_sim", "n_data", "seed", "errors_from"):
        assert getattr(again, field) == getattr(result, field)
    with pytest.raises(InputError, match="file exists"):
        result.write(path)
    result.write(path, overwrite=True)
    assert repr(EnsembleResult.read(path)) == repr(result)


def test_parquet_without_pyarrow(result, tmp_path, monkeypatch):
    def without(self, *args, **kwargs):
        raise ImportError("pyarrow")

    monkeypatch.setattr(Table, "write", without)
    with pytest.raises(InputError, match="a parquet file needs pyarrow"):
        result.write(tmp_path / "ensemble.parquet")
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_ensembles(tmp_path, result):
    with pytest.raises(InputError, match=r"cannot tell the format of 'ensemble\.txt'"):
        result.write(tmp_path / "ensemble.txt")
    with pytest.raises(FileFormatError, match=r"missing\.fits"):
        EnsembleResult.read(tmp_path / "missing.fits")
    with pytest.raises(FileFormatError, match=r"missing\.parquet"):
        EnsembleResult.read(tmp_path / "missing.parquet")
    Table({"a": [1]}).write(tmp_path / "other.fits")
    with pytest.raises(FileFormatError, match="no extension REALISATIONS"):
        EnsembleResult.read(tmp_path / "other.fits")


def test_plots_show_what_there_is(result):
    import matplotlib.pyplot as plt

    panels = result.plot_pulls()
    assert [ax.get_xlabel() for ax in panels] == ["pull of index", "pull of amplitude"]
    heights = [patch.get_height() for patch in panels[0].patches]
    assert np.sum(heights) * 9 / 45 == pytest.approx(1.0, rel=1e-6)
    values = result.plot_values()
    assert values[1].get_xlabel() == "amplitude [$10^{-11}$ TeV⁻¹ s⁻¹ cm⁻²]"
    assert sum(patch.get_height() for patch in values[0].patches) == result.n_success
    figure = result.peek()
    assert len(figure.axes) == 6
    plt.close("all")
