"""``gammafold group``: bins obey the rule, counts and companions stay what they were."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gammafold.data.ogip import bins_of, read_ogip
from gammafold.report.group import Rule, group_flags
from gammafold.utils.errors import InputError


def grouped(path):
    """Return an observation, and for each good bin the positions of its channels."""
    observation = read_ogip(path)
    bins = bins_of(observation.spectrum.grouping, observation.is_good)
    return observation, [np.flatnonzero(bins.member == number) for number in np.flatnonzero(bins.is_good)]


def test_least_counts(crab_folder, run):
    before = read_ogip("pha_obs23523.fits")
    result = run("group pha_obs23523.fits --min-counts 10")
    assert result.exit_code == 0, result.output
    observation, bins = grouped("pha_obs23523_grouped.fits")
    counts = observation.spectrum.counts
    assert_array_equal(counts, before.spectrum.counts)
    assert_array_equal(observation.background.counts, before.background.counts)
    assert_array_equal(observation.rmf.matrix, before.rmf.matrix)
    sums = [counts[channels].sum() for channels in bins]
    assert min(sums) >= 10
    # No bin is longer than it has to be.
    assert all(counts[channels[:-1]].sum() < 10 for channels in bins)
    assert all(before.is_good[channels].all() for channels in bins)
    summary = json.loads((crab_folder / "pha_obs23523_grouped.json").read_text())
    assert summary["counts_per_bin"] == sums
    assert summary["bins"] == len(bins)
    assert f"{min(sums):.0f} – {max(sums):.0f}" in result.stdout
    assert plt.imread(crab_folder / "pha_obs23523_grouped.png").shape[0] > 500


def test_least_off_counts(crab_folder, run):
    assert run("group pha_obs*.fits --min-off 5 --output deep/grouped").exit_code == 0
    for number in (23523, 23526, 23559, 23592):
        # The companions are found from the other folder.
        observation, bins = grouped(f"deep/grouped/pha_obs{number}_grouped.fits")
        assert observation.arf is not None
        assert observation.rmf is not None
        assert min(observation.background.counts[channels].sum() for channels in bins) >= 5


def test_least_significance(crab_folder, run):
    assert run("group pha_obs23526.fits --min-snr 2.5").exit_code == 0
    observation, bins = grouped("pha_obs23526_grouped.fits")
    n_on, n_off = observation.spectrum.counts, observation.background.counts
    alpha = observation.background_scale()
    for channels in bins:
        excess = np.sum(n_on[channels] - alpha[channels] * n_off[channels])
        error = np.sqrt(np.sum(n_on[channels] + alpha[channels] ** 2 * n_off[channels]))
        assert excess >= 2.5 * error


def test_optimal_bins_cover_the_good_channels(crab_folder, run):
    assert run("group pha_obs23523.fits --optimal").exit_code == 0
    observation, bins = grouped("pha_obs23523_grouped.fits")
    covered = np.zeros(observation.spectrum.counts.size, dtype=bool)
    covered[np.concatenate(bins)] = True
    assert_array_equal(covered, read_ogip("pha_obs23523.fits").is_good)
    assert len(bins) < covered.sum()


def test_a_second_run_replaces_the_first_when_told_to(crab_folder, run):
    for least in (5, 20):
        assert run(f"group pha_obs23523.fits --min-counts {least} --overwrite").exit_code == 0
    observation, bins = grouped("pha_obs23523_grouped.fits")
    assert min(observation.spectrum.counts[channels].sum() for channels in bins) >= 20


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")
def test_an_x_ray_spectrum(crab_folder, run, shared_data):
    assert run(f"group {shared_data}/ogip-xray/3c273.pi --min-counts 15 -o .").exit_code == 0
    observation, bins = grouped("3c273_grouped.fits")
    assert observation.rmf is not None
    assert min(observation.spectrum.counts[channels].sum() for channels in bins) >= 15


def test_a_background_that_is_not_there(crab_folder):
    observation = read_ogip("pha_obs23523.fits", background=False)
    with pytest.raises(InputError, match=r"pha_obs23523\.fits has no background: it cannot be grouped by off counts"):
        group_flags(observation, Rule("off", 3))
    assert group_flags(observation, Rule("snr", 2)).grouping.shape == (80,)


def test_a_matrix_that_is_not_there(crab_folder):
    observation = read_ogip("pha_obs23523.fits", rmf=False, arf=False)
    with pytest.raises(InputError, match=r"pha_obs23523\.fits has no redistribution matrix"):
        group_flags(observation, Rule("optimal", 0))
    with pytest.raises(InputError, match="no rule 'luck' to group by"):
        group_flags(observation, Rule("luck", 0))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("group pha_obs23523.fits", "give one rule: --min-counts, --min-off, --min-snr or --optimal"),
        ("group pha_obs23523.fits --optimal --min-off 3", "give one rule"),
        ("group pha_obs23523.fits --min-counts -3", "minimum = -3.0: a number above zero is needed"),
        ("group pha_obs23523.fits --min-counts 1000", "no bin is full, there are 124 counts"),
        ("group nothing.fits --min-counts 3", "no such file: nothing.fits"),
        ("group pha_obs23523.fits --min-counts 3 -o LICENSE/x", "cannot make the folder"),
    ],
)
def test_bad_input_is_one_line(crab_folder, fails, line, message):
    assert re.search(message, fails(line))
    assert not list(crab_folder.glob("*_grouped*"))
