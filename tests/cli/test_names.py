"""Spectra of one name: of several instruments, or the same one given twice."""

import pytest
from astropy.io import fits

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.report.spectra import read_spectrum_files


def call_them(folder, name, *numbers):
    for number in numbers:
        with fits.open(folder / f"pha_obs{number}.fits", mode="update") as hdulist:
            hdulist["SPECTRUM"].header["OBS_ID"] = name


@pytest.mark.parametrize("command", ["fit", "stack", "flux-points", "convert"])
def test_spectra_of_one_observation_get_the_names_of_their_files(crab_folder, run, command):
    alone = run(f"{command} pha_obs23523.fits pha_obs23526.fits -o alone")
    call_them(crab_folder, "99", 23523, 23526)
    result = run(f"{command} pha_obs23523.fits pha_obs23526.fits -o named")
    assert result.exit_code == alone.exit_code == 0
    told = "gammafold: warning: several spectra are called 99: they are given the names of their files"
    assert result.stderr.strip() == told
    assert "pha_obs23523" in result.stdout
    assert "pha_obs23526" in result.stdout


def test_only_those_of_one_name_are_renamed(crab_folder):
    call_them(crab_folder, "99", 23523, 23526)
    with pytest.warns(UserWarning, match="several spectra are called 99"):
        datasets = read_spectrum_files([f"pha_obs{number}.fits" for number in (23523, 23526, 23559)])
    assert datasets.names == ["pha_obs23523", "pha_obs23526", "23559"]
    alone = [SpectrumDatasetOnOff.read(f"pha_obs{number}.fits") for number in (23523, 23526, 23559)]
    assert [one.counts.data.sum() for one in datasets] == [one.counts.data.sum() for one in alone]


@pytest.mark.parametrize("command", ["fit", "stack", "flux-points", "simulate", "convert"])
@pytest.mark.parametrize("second", ["pha_obs23523_grouped.fits", "pha_obs23523.fits"])
def test_nothing_is_used_twice(crab_folder, run, fails, command, second):
    assert run("group pha_obs23523.fits --min-counts 10").exit_code == 0
    message = fails(f"{command} pha_obs23523.fits {second}")
    assert f"pha_obs23523.fits and {second} hold the same counts of '23523': give one of them" in message


def test_files_of_one_name_too(crab_folder, fails):
    (crab_folder / "b").mkdir()
    for path in crab_folder.glob("*23526*"):
        path.rename(crab_folder / "b" / path.name)
    (crab_folder / "b" / "pha_obs23526.fits").rename(crab_folder / "b" / "pha_obs23523.fits")
    call_them(crab_folder / "b", "23523", 23523)
    message = fails("fit pha_obs23523.fits b/pha_obs23523.fits")
    assert "several datasets are called 'pha_obs23523': pha_obs23523.fits, b/pha_obs23523.fits" in message


def test_times_are_found_by_the_observation(crab_folder, run):
    call_them(crab_folder, "23523", 23526)
    result = run("light-curve pha_obs23523.fits pha_obs23526.fits --times observations.ecsv")
    assert result.exit_code == 0, result.stderr


def test_a_warning_is_said_once(crab_folder, run):
    with fits.open("pha_obs23523.fits", mode="update") as hdulist:
        hdulist["SPECTRUM"].header["POISSERR"] = "maybe"
    lines = run("info pha_obs23523.fits pha_obs23523.fits").stderr.splitlines()
    assert lines
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    "line", ["simulate pha_obs23523.fits -n 5 --seed 1", "fit pha_obs23523.fits pha_obs23526.fits"]
)
def test_a_log_has_no_empty_lines(crab_folder, run, line):
    assert run(line).stderr == ""
