"""``gammafold simulate`` and ``gammafold coverage``: what they write is what the library computes."""

import numpy as np
import pytest
import yaml
from astropy.table import Table

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.ensemble import EnsembleResult, simulate_and_fit
from gammafold.modeling.models import Models, PowerLawSpectralModel, SkyModel
from gammafold.report.coverage import Setting, coverage_study, make_dataset, terminal_table, write_coverage


@pytest.fixture
def config(crab_folder):
    """A file that names two runs and a power law."""
    model = SkyModel(PowerLawSpectralModel(index=2.6, amplitude="4.5e-11 cm-2 s-1 TeV-1"), name="crab")
    Models([model]).write(crab_folder / "crab-model.yaml")
    content = {"datasets": ["pha_obs23523.fits"], "models": "crab-model.yaml"}

    def write(**changes):
        changed = {key: value for key, value in (content | changes).items() if value is not None}
        (crab_folder / "crab.yaml").write_text(yaml.safe_dump(changed))

    write()
    return write


def test_a_config_is_simulated(run, config, crab_folder):
    result = run("simulate crab.yaml -n 60 --seed 3 -o out")
    assert result.exit_code == 0, result.output
    assert "60 realisations, 60 converged, seed 3" in result.output
    dataset = SpectrumDatasetOnOff.read("pha_obs23523.fits")
    dataset.models = Models.read("crab-model.yaml")
    expected = simulate_and_fit(dataset, 60, 3, progress=False)
    found = EnsembleResult.read("out/ensemble.fits")
    np.testing.assert_array_equal(found.values, expected.values)
    assert Table.read("out/summary.ecsv")["n"][0] == 60
    assert (crab_folder / "out" / "ensemble.png").stat().st_size > 10_000


def test_entries_of_a_config_are_used(run, config):
    config(free=["amplitude"], background="measured", fit=True)
    assert run("simulate crab.yaml -n 5 --seed 3 -o out").exit_code == 0
    found = EnsembleResult.read("out/ensemble.fits")
    assert found.names == ("amplitude",)
    assert found.truth[0] != 4.5e-11


def test_spectra_are_fitted_first(run, crab_folder):
    result = run("simulate pha_obs23523.fits -n 20 --seed 1 --model power-law -o out")
    assert result.exit_code == 0, result.output
    assert EnsembleResult.read("out/ensemble.fits").names == ("index", "amplitude")


def test_a_list_of_datasets_and_their_models_are_simulated(run, config, crab_folder):
    datasets = Datasets([SpectrumDatasetOnOff.read(crab_folder / f"pha_obs{n}.fits") for n in (23523, 23526)])
    datasets.write(crab_folder / "runs.yaml")
    datasets.models = Models.read(crab_folder / "crab-model.yaml")
    expected = simulate_and_fit(datasets, 20, 3, progress=False)
    config(datasets=["runs.yaml"])
    for command in ("simulate runs.yaml -m crab-model.yaml", "simulate crab.yaml"):
        result = run(f"{command} -n 20 --seed 3 -o out --overwrite")
        assert result.exit_code == 0, result.output
        np.testing.assert_array_equal(EnsembleResult.read("out/ensemble.fits").values, expected.values)
    assert run("simulate runs.yaml -n 20 --seed 3 -o out --overwrite").exit_code == 0
    assert EnsembleResult.read("out/ensemble.fits").truth[0] != 2.6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": None}, "crab.yaml: entry 'models' is missing"),
        ({"datasets": []}, "crab.yaml: entry 'datasets' is missing"),
        ({"datasets": "pha_obs23523.fits"}, "entry 'datasets' is 'pha_obs23523.fits': expected a list"),
        ({"model": "x"}, "no entry 'model' is known"),
        ({"models": "nothing.yaml"}, "nothing.yaml"),
        ({"datasets": ["nothing.fits"]}, "nothing.fits"),
        ({"free": ["slope"]}, "no parameter 'slope'"),
        ({"background": "none"}, "background is 'none'"),
    ],
)
def test_configs_that_are_refused(fails, config, changes, message):
    config(**changes)
    assert message in fails("simulate crab.yaml -n 5").replace("\n", " ")


def test_sources_that_are_refused(fails, config, crab_folder):
    assert "names datasets itself" in fails("simulate crab.yaml pha_obs23523.fits").replace("\n", " ")
    (crab_folder / "list.yaml").write_text("- 1\n")
    assert "expected entries" in fails("simulate list.yaml").replace("\n", " ")


def test_numbers_that_are_refused(run, config):
    assert run("simulate crab.yaml -n 0").exit_code == 2
    assert run("simulate crab.yaml --seed -1").exit_code == 2


def test_the_coverage_study(tmp_path):
    settings = [Setting(100.0, 1.0, 0.2), Setting(20.0, 0.1, 0.5)]
    table = coverage_study(200, 1, settings, progress=False)
    assert len(table) == 4
    bright = table[:2]
    for name, nominal in (("fisher_68", 0.6827), ("profile_68", 0.6827), ("fisher_95", 0.9545)):
        assert (np.abs(bright[name] - nominal) < 4.5 * bright["error"]).all()
    np.testing.assert_allclose(table["signal"][2] / table["signal"][0], 20.0 * 0.1 / 100.0, rtol=1e-6)
    paths = write_coverage(table, tmp_path)
    assert Table.read(paths[0]).colnames == table.colnames
    assert paths[1].stat().st_size > 10_000
    assert terminal_table(table).row_count == 4


def test_the_truth_of_the_study_is_expected_counts():
    dataset = make_dataset(Setting(3.0, 0.5, 0.25))
    npred, counts = dataset.npred().data, dataset.counts.data
    np.testing.assert_allclose(npred[dataset.mask.data], counts[dataset.mask.data], rtol=1e-8)
    assert dataset.alpha.data[0] == pytest.approx(0.25)
