"""``gammafold flux-points``: what is printed and written is what the estimator finds."""

import json
import re

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.estimators import FluxPointsEstimator
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.report.flux_points import fit_edges, flux_text
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")


@pytest.fixture
def fitted():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    datasets.models = SkyModel(PowerLawSpectralModel(index=2.5, amplitude="4e-11 cm-2 s-1 TeV-1"), name="power-law")
    Fit().run(datasets)
    return datasets


def test_points_are_those_of_the_estimator(crab_folder, run, fitted):
    result = run('flux-points pha_obs*.fits --energy-edges "1, 3, 10, 30 TeV" --sed-type dnde --n-sigma-ul 3 -o out')
    assert result.exit_code == 0, result.output
    estimator = FluxPointsEstimator(
        energy_edges=[1, 3, 10, 30] * u.TeV, selection_optional=["errn-errp", "ul"], n_sigma_ul=3
    )
    expected = estimator.run(fitted).to_table(sed_type="dnde")
    written = Table.read("out/flux-points.ecsv", format="ascii.ecsv")
    rows = json.loads((crab_folder / "out" / "flux-points.json").read_text())
    assert rows["n_sigma_ul"] == 3
    assert rows["units"]["dnde"] == written["dnde"].unit.to_string()
    for name in ("e_min", "e_max", "dnde", "dnde_err", "dnde_errn", "dnde_errp", "dnde_ul", "counts", "sqrt_ts"):
        assert_allclose(written[name], expected[name], rtol=2e-3)
        assert_allclose([row[name] for row in rows["rows"]], written[name])
    binary = Table.read("out/flux-points.fits", hdu="FLUXPOINTS")
    assert_allclose(binary["norm"] * binary["ref_dnde"], written["dnde"])
    assert binary["stat_scan"].shape == (3, binary["norm_scan"].shape[1])
    for row in written:
        assert flux_text(row, "dnde") in result.stdout
    assert plt.imread(crab_folder / "out" / "flux-points.png").shape[0] > 500


def test_bins_chosen_from_the_data(crab_folder, run):
    result = run("flux-points pha_obs23523.fits --bins 3 --energy-min '1 TeV' --energy-max '10 TeV'")
    assert result.exit_code == 0, result.output
    table = Table.read("gammafold-flux-points/flux-points.ecsv", format="ascii.ecsv")
    edges = np.append(table["e_min"], table["e_max"][-1])
    assert len(table) == 3
    assert_allclose(edges[[0, -1]], [1, 10], rtol=0.02)
    assert_allclose(np.diff(np.log(edges)), np.log(10) / 3, rtol=0.2)


def test_models_of_a_file_are_taken_as_they_are(crab_folder, run):
    assert run("fit pha_obs*.fits -m log-parabola -o fit").exit_code == 0
    for options in ("", "--source log-parabola"):
        result = run(f"flux-points pha_obs*.fits --model fit/log-parabola.yaml {options} --bins 2 -o out --overwrite")
        assert result.exit_code == 0, result.output
    direct = run("flux-points pha_obs*.fits --model log-parabola --bins 2 -o direct")
    assert direct.exit_code == 0
    tables = [Table.read(f"{folder}/flux-points.ecsv", format="ascii.ecsv") for folder in ("out", "direct")]
    assert_allclose(tables[0]["e2dnde"], tables[1]["e2dnde"], rtol=1e-4)


def test_limits_are_printed_as_limits():
    row = {"flux": 1e-12, "flux_err": 2e-12, "flux_ul": 5.1234e-12, "is_ul": True}
    assert flux_text(row, "flux") == "< 5.1e-12"
    assert flux_text({**row, "is_ul": False}, "flux") == "(1.0 ± 2.0)e-12"
    assert flux_text({**row, "flux_ul": np.nan}, "flux") == "(1.0 ± 2.0)e-12"
    assert flux_text(dict.fromkeys(row, np.nan) | {"is_ul": True}, "flux") == "–"


def test_edges_of_the_fit(fitted):
    edges = fit_edges(fitted, 5)
    axis = fitted[0].reco_energy_axis.edges
    assert np.isin(edges.value, axis.value).all()
    low, high = fitted.energy_ranges
    assert_allclose([edges[0].value, edges[-1].value], [low.min().value, high.max().value])
    assert len(fit_edges(fitted, 10000)) <= len(axis)
    with pytest.raises(InputError, match="0 bins of energy: expected one or more"):
        fit_edges(fitted, 0)
    for dataset in fitted:
        dataset.mask_fit = dataset.counts.geom.energy_mask(energy_max="0.1 TeV")
    with pytest.raises(InputError, match=r"no bins in range in \['23523'"):
        fit_edges(fitted, 5)


def test_bins_are_where_there_is_an_exposure():
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    true = dataset.exposure.geom.axes["energy_true"].center
    dataset.exposure.data[(true < 2 * u.TeV) | (true > 20 * u.TeV)] = 0
    edges = fit_edges(Datasets([dataset]), 6)
    # To the next edge of the data: bins are a twentieth of a decade wide.
    assert_allclose(np.log10(edges[[0, -1]].to_value("TeV")), np.log10([2, 20]), atol=0.05)


def test_a_failed_fit_stops_before_the_points(crab_folder, run, monkeypatch):
    from dataclasses import replace

    from gammafold.report import fit

    class Failing(Fit):
        def run(self, datasets):
            return replace(super().run(datasets), success=False, message="call limit reached")

    monkeypatch.setattr(fit, "Fit", Failing)
    result = run("flux-points pha_obs23523.fits")
    assert result.exit_code == 1
    assert result.stderr == "Error: the fit of power-law did not converge: call limit reached\n"
    assert not list((crab_folder / "gammafold-flux-points").iterdir())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--energy-edges 1", "--energy-edges is '1': expected increasing energies and a unit"),
        ("--energy-edges '3 1 TeV'", "--energy-edges is '3 1 TeV'"),
        ("--energy-edges '1 2 parsec'", "expected increasing energies and a unit, such as '1 3 10 TeV'"),
        ("--energy-edges '0 2 TeV'", "expected increasing energies"),
        ("--energy-edges ''", "expected increasing energies"),
        ("--energy-min '200 TeV'", "no counts in range"),
        ("--model nothing.yaml", "no such file: nothing.yaml"),
        ("--model crab", "no model 'crab': there are power-law"),
        ("--source crab", "--source is 'crab': a fitted model has the name of the model, here 'power-law'"),
        ("--n-sigma 0", "n_sigma is 0.0: expected a number above zero"),
    ],
)
def test_bad_input_is_one_line(crab_folder, fails, line, message):
    assert re.search(message, fails(f"flux-points pha_obs23523.fits {line}"))


def test_a_source_that_the_file_does_not_have(crab_folder, run, fails):
    assert run("fit pha_obs23523.fits -o fit").exit_code == 0
    line = "flux-points pha_obs23523.fits --model fit/power-law.yaml --source vela"
    assert re.search(r"power-law\.yaml has no source 'vela': there are \['power-law'\]", fails(line))
