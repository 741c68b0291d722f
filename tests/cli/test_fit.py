"""``gammafold demo`` and ``gammafold fit``: what they print and write is what a script finds."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.cli.options import reference_energy
from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis, RegionGeom
from gammafold.modeling import Fit
from gammafold.modeling.models import LogParabolaSpectralModel, Models, PowerLawSpectralModel, SkyModel
from gammafold.report import fit as report
from gammafold.samples import sample_files


@pytest.fixture(scope="module")
def crab_fits():
    """Fits of the Crab spectra made by hand, started elsewhere."""
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    spectra = {
        "power-law": PowerLawSpectralModel(index=2.5, amplitude="4e-11 cm-2 s-1 TeV-1"),
        "log-parabola": LogParabolaSpectralModel(
            alpha=2.4, amplitude="4e-11 cm-2 s-1 TeV-1", beta=0.1, reference="1 TeV"
        ),
    }
    results = {}
    for name, spectral in spectra.items():
        datasets.models = SkyModel(spectral, name=name)
        results[name] = Fit().run(datasets)
    return results


def read_results(folder):
    return json.loads((folder / "results.json").read_text())


def test_demo(crab_folder, run, crab_fits):
    result = run("demo --output crab")
    assert result.exit_code == 0
    assert result.stderr == ""
    for word in ("power-law", "log-parabola", "amplitude", "converged", "statistic", "dataset", "23592", "excess"):
        assert word in result.stdout
    numbers = read_results(crab_folder / "crab")
    assert numbers["datasets"] == ["23523", "23526", "23559", "23592"]
    for name, expected in crab_fits.items():
        found = numbers["fits"][name]
        assert found["success"]
        assert_allclose(found["total_stat"], expected.total_stat, atol=1e-5)
        assert_allclose(found["values"] / expected.errors, expected.values / expected.errors, atol=2e-4)
        assert f"{expected.total_stat:.3f}" in result.stdout
        written = Models.read(crab_folder / "crab" / f"{name}.yaml")[name]
        assert_allclose(written.parameters["amplitude"].value, expected["amplitude"][0], rtol=1e-4)
        assert_allclose(written.parameters["amplitude"].error, expected["amplitude"][1], rtol=1e-3)
        image = plt.imread(crab_folder / "crab" / f"{name}.png")
        assert min(image.shape[:2]) > 500
        assert np.ptp(image[..., :3]) == 1
    assert "2.700 ± 0.073" in result.stdout
    assert "(4.58 ± 0.28)e-11" in result.stdout


def test_nothing_is_cut_at_80_columns(crab_folder, run):
    lines = run("fit pha_obs23523.fits -m power-law -m log-parabola").stdout.splitlines()
    assert "…" not in "".join(lines)
    assert max(len(line) for line in lines) <= 80
    # No cell breaks into a second line: each row begins with a name or is one of the parameters.
    names = ("23523", "power-law", "log-parabola", "amplitude", "alpha", "beta", "index")
    rows = [line for line in lines if line.startswith("│")]
    assert all(any(name in row for name in names) for row in rows)


def test_options_of_a_fit(crab_folder, run):
    result = run("fit pha_obs23523.fits pha_obs23526.fits -m power-law --reference '2 TeV' --energy-min '1.1 TeV' "
                 "--energy-max '20 TeV' -o out")  # fmt: skip
    assert result.exit_code == 0
    datasets = Datasets(SpectrumDatasetOnOff.read(f"pha_obs{run_id}.fits") for run_id in (23523, 23526))
    for dataset in datasets:
        dataset.mask_fit = dataset.counts.geom.energy_mask(1.1 * u.TeV, 20 * u.TeV)
    spectral = PowerLawSpectralModel(index=2.5, amplitude="1e-11 cm-2 s-1 TeV-1", reference="2 TeV")
    datasets.models = SkyModel(spectral, name="crab")
    expected = Fit().run(datasets)
    found = read_results(crab_folder / "out")["fits"]["power-law"]
    assert found["n_data"] == expected.n_data
    assert_allclose(found["total_stat"], expected.total_stat, atol=1e-5)
    assert_allclose(found["values"], expected.values, rtol=1e-4)


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")
def test_models_of_a_file_are_fitted_from_where_they_stand(crab_folder, run, fails):
    model = SkyModel(PowerLawSpectralModel(index=2.2, amplitude="3e-11 cm-2 s-1 TeV-1"), name="nebula")
    model.parameters["index"].frozen = True
    Models([model]).write(crab_folder / "mine.yaml")
    result = run("fit pha_obs23523.fits -m mine.yaml -m power-law -o out")
    assert result.exit_code == 0, result.output
    found = Models.read(crab_folder / "out" / "mine.yaml")["nebula"].spectral_model
    dataset = SpectrumDatasetOnOff.read(crab_folder / "pha_obs23523.fits")
    dataset.models = model
    Fit().run(dataset)
    assert found.index.value == 2.2
    assert found.amplitude.value == pytest.approx(model.parameters["amplitude"].value, rel=1e-6)
    assert found.amplitude.error == pytest.approx(model.parameters["amplitude"].error, rel=1e-4)
    assert {path.name for path in (crab_folder / "out").glob("*.png")} == {"mine.png", "power-law.png"}
    assert set(json.loads((crab_folder / "out" / "results.json").read_text())["fits"]) == {"mine", "power-law"}
    assert "cannot read none.yaml" in fails("fit pha_obs23523.fits -m none.yaml -o other")
    assert "given twice" in fails("fit pha_obs23523.fits -m mine.yaml -m out/mine.yaml -o other")


def test_an_x_ray_spectrum_is_read_per_kev(crab_folder, run, shared_data):
    options = "--energy-min '0.5 keV' --energy-max '7 keV'"
    numbers = {}
    choices = {"grouped": "", "single": "--ungrouped", "partial": "--ungrouped --partial-bins --reference '1 keV'"}
    for name, option in choices.items():
        result = run(f"fit {shared_data}/ogip-xray/3c273.pi {options} {option} -o {name}")
        assert result.exit_code == 0, result.output
        numbers[name] = read_results(crab_folder / name)["fits"]["power-law"]
    assert numbers["grouped"]["n_data"] < 50 < 400 < numbers["single"]["n_data"]
    fit = numbers["single"]
    amplitude = Models.read(crab_folder / "single" / "power-law.yaml")["power-law"].parameters["amplitude"]
    assert_allclose(amplitude.quantity.to_value("cm-2 s-1 keV-1"), fit["values"][1], rtol=1e-6)
    # Two channels are only partly in the range; with them all numbers are the published ones.
    assert numbers["partial"]["n_data"] == fit["n_data"] + 2 == 446
    assert_allclose(numbers["partial"]["total_stat"], 497.532, atol=6e-4)
    values, errors = np.array(numbers["partial"]["values"]), np.array([0.0592, 9.63e-6])
    assert_allclose(numbers["partial"]["errors"], errors, rtol=2e-3)
    assert np.all(np.abs(values - [1.89504, 1.82141e-4]) < 3e-3 * errors)


def test_bins_partly_in_range(crab_folder, run):
    edges = SpectrumDatasetOnOff.read("pha_obs23523.fits").counts.geom.axes["energy"].edges
    low, high = edges[50] * 1.01, edges[55] * 1.01
    for option, n_bins in (("", 4), ("--partial-bins", 6)):
        result = run(f"fit pha_obs23523.fits --energy-min '{low}' --energy-max '{high}' {option} --overwrite")
        assert result.exit_code == 0, result.output
        assert read_results(crab_folder / "gammafold-fit")["fits"]["power-law"]["n_data"] == n_bins
    # An energy that is an edge parts bins that are inside from those outside.
    assert run(f"fit pha_obs23523.fits --energy-min '{edges[50]}' --partial-bins --overwrite").exit_code == 0
    assert read_results(crab_folder / "gammafold-fit")["fits"]["power-law"]["n_data"] == len(edges) - 1 - 50


@pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")
def test_a_spectrum_without_background(crab_folder, run):
    (crab_folder / "bkg_obs23523.fits").unlink()
    result = run("fit pha_obs23523.fits")
    assert result.exit_code == 0, result.output
    assert re.search(r"124 │ +– │ +– │", result.stdout)


def test_a_second_run_replaces_the_first_when_told_to(crab_folder, run):
    for minimum in ("1 TeV", "3 TeV"):
        assert run(f"fit pha_obs23523.fits --energy-min '{minimum}' --overwrite").exit_code == 0
    fit = read_results(crab_folder / "gammafold-fit")["fits"]["power-law"]
    dataset = SpectrumDatasetOnOff.read("pha_obs23523.fits")
    mask = dataset.counts.geom.energy_mask(3 * u.TeV)
    assert fit["n_data"] == int((mask.data & dataset.mask_safe.data).sum())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")
def test_a_failed_fit_does_not_look_successful(crab_folder, run, monkeypatch):
    class Failing(Fit):
        def run(self, datasets):
            return replace(super().run(datasets), success=False, message="call limit reached")

    monkeypatch.setattr(report, "Fit", Failing)
    result = run("fit pha_obs23523.fits")
    assert result.exit_code == 1
    assert "FAILED: call limit reached" in result.stdout
    assert "not every fit converged" in result.stderr
    assert read_results(crab_folder / "gammafold-fit")["fits"]["power-law"]["success"] is False


def test_the_installed_command(crab_folder):
    code = "from gammafold.cli.main import main; main()"
    environment = {**os.environ, "COLUMNS": "80", "MPLBACKEND": "agg"}
    run = lambda *words: subprocess.run(  # noqa: E731
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env=environment, encoding="utf-8"
    )
    done = run("fit", "pha_obs23523.fits")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "converged" in done.stdout
    failed = run("fit", "nothing.fits", "-o", "other")
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert re.fullmatch(r"gammafold: error: no such file: nothing\.fits .*\n", failed.stderr)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fit nothing.fits", "error: no such file: nothing.fits"),
        ("fit LICENSE", "LICENSE.* FITS file"),
        ("fit arf_obs23523.fits", "arf_obs23523.fits: no extension SPECTRUM"),
        ("fit pha_obs23523.fits -m power", "no model 'power': there are power-law, log-parabola"),
        ("fit pha_obs23523.fits -m power-law -m power-law", "--model was given twice"),
        ("fit pha_obs23523.fits pha_obs23523.fits", "hold the same counts of '23523': give one of them"),
        ("fit pha_obs23523.fits --energy-min '50 TeV'", r"no counts in range in \['23523'\]"),
        ("fit pha_obs23523.fits --energy-min 50", "--energy-min has the unit '': expected one like TeV"),
        ("fit pha_obs23523.fits --energy-min '5 TeV' --energy-max '1 TeV'", "--energy-min 5 TeV is not below"),
        ("fit pha_obs23523.fits --energy-max '-1 TeV'", "--energy-max is '-1 TeV': expected one positive energy"),
        ("fit pha_obs23523.fits --reference red", "--reference is 'red': expected a quantity"),
        ("fit pha_obs23523.fits -o LICENSE/deep", "cannot make the folder LICENSE/deep"),
    ],
)
def test_bad_input_is_one_line(crab_folder, fails, line, message):
    assert re.search(message, fails(line))


def test_a_truncated_file_is_one_line(crab_folder, fails):
    path = crab_folder / "pha_obs23523.fits"
    path.write_bytes(path.read_bytes()[:9000])
    assert "pha_obs23523.fits" in fails("fit pha_obs23523.fits")


def test_missing_arguments(crab_folder, run):
    result = run("fit")
    assert result.exit_code == 2
    assert "Missing argument 'PHA...'" in result.stderr


def test_spectra_with_different_bins(crab_folder, run, monkeypatch):
    titles = []

    def keep(figure, path):
        titles.append([ax.get_title() for ax in figure.axes if ax.get_title()])
        return path

    assert run("group pha_obs23523.fits --min-off 5 --output grouped").exit_code == 0
    monkeypatch.setattr(report, "write_figure", keep)
    result = run(
        "fit grouped/pha_obs23523_grouped.fits pha_obs23526.fits pha_obs23559.fits -m power-law -m log-parabola"
    )
    assert result.exit_code == 0, result.stderr
    # Those with the same bins are one stack; what cannot be stacked has panels of its own.
    assert titles == [[f"{name}, 23523", f"{name}, 2 spectra"] for name in ("power-law", "log-parabola")]
    assert list(read_results(crab_folder / "gammafold-fit")["fits"]) == ["power-law", "log-parabola"]
    assert run("fit pha_obs23523.fits -o one").exit_code == 0
    assert titles[-1] == ["power-law, 23523"]


def test_the_reference_energy_suits_the_spectra(crab_folder):
    gamma = SpectrumDatasetOnOff.read("pha_obs23523.fits")
    axis = MapAxis.from_energy_bounds("0.3 keV", "10 keV", nbin=3)
    x_ray = SpectrumDataset.create(RegionGeom.create(None, axes=[axis]), name="x-ray")
    assert reference_energy(None, Datasets([gamma])) == 1 * u.TeV
    assert reference_energy(None, Datasets([x_ray])) == 1 * u.keV
    assert reference_energy(None, Datasets([x_ray, gamma])) == 1 * u.TeV
    assert reference_energy("5 keV", Datasets([gamma])) == 5 * u.keV
    assert reference_energy(None) == 1 * u.TeV
