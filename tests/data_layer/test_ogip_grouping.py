from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammafold.data.ogip import (
    EnergyBounds,
    RedistributionMatrix,
    bins_of,
    group_by_counts,
    group_by_signal_to_noise,
    group_observation,
    group_optimal,
    read_ogip,
)
from gammafold.data.ogip.grouping import fwhm_in_channels, optimal_fraction
from gammafold.utils.errors import InputError


def binned(flags):
    """Return the lists of channels that flags put together."""
    groups: list[list[int]] = []
    for i, flag in enumerate(flags):
        if flag == -1:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def test_bins_with_a_bad_channel():
    flags = np.array([1, -1, 0, 1, -1, -1], np.int16)
    good = np.array([True, True, False, True, False, True])
    whole = bins_of(flags, good)
    np.testing.assert_array_equal(whole.is_good, [True, False, False])
    np.testing.assert_array_equal(whole.sum(np.array([1.0, 2, 4, 8, 16, 32])), [3, 4, 56])
    part = bins_of(flags, good, bad="channel")
    np.testing.assert_array_equal(part.is_good, [True, False, True])
    np.testing.assert_array_equal(part.sum(np.array([1.0, 2, 4, 8, 16, 32])), [3, 4, 40])
    with pytest.raises(InputError, match="bad = 'group': 'bin' or 'channel'"):
        bins_of(flags, good, bad="group")


def test_no_flags_leave_the_channels():
    bins = bins_of(None, np.ones(3, bool))
    assert bins.n_bins == 3
    np.testing.assert_array_equal(bins.member, [0, 1, 2])


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 50), st.data())
def test_bins_by_counts_suffice_and_are_minimal(counts, minimum, data):
    good = np.array(data.draw(st.lists(st.booleans(), min_size=len(counts), max_size=len(counts))))
    flags = group_by_counts(counts, minimum, good)
    for group in binned(flags.grouping):
        total = sum(counts[i] for i in group)
        if not good[group[0]]:
            assert len(group) == 1
            assert flags.quality[group[0]] == 5
        elif flags.quality[group[0]] == 0:
            assert total >= minimum > total - counts[group[-1]]
        else:
            assert total < minimum
            assert set(flags.quality[group]) == {2}
            assert group[-1] == len(counts) - 1 or not good[group[-1] + 1]
        assert good[group].all() or len(group) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=50), st.floats(0.5, 6))
def test_bins_by_signal_to_noise_suffice_and_are_minimal(pairs, minimum):
    on, off = np.array(pairs, float).T
    alpha = 0.25
    flags = group_by_signal_to_noise(on, minimum, off, alpha)

    def ratio(group):
        variance = on[group].sum() + alpha**2 * off[group].sum()
        return (on[group].sum() - alpha * off[group].sum()) / np.sqrt(variance) if variance > 0 else 0.0

    for group in binned(flags.grouping):
        if flags.quality[group[0]] == 0:
            assert ratio(group) >= minimum - 1e-9
            assert len(group) == 1 or ratio(group[:-1]) < minimum + 1e-9
        else:
            assert ratio(group) < minimum + 1e-9


def test_signal_to_noise_with_gaussian_errors():
    flags = group_by_signal_to_noise([3, 3, 3, 3], 2.0, counts_error=[2, 2, 2, 2])
    np.testing.assert_array_equal(flags.grouping, [1, -1, 1, -1])


@pytest.mark.parametrize("group", [group_by_counts, group_by_signal_to_noise])
def test_grouping_arguments(group):
    with pytest.raises(InputError, match="minimum = 0: a number above zero"):
        group([1, 2], 0)
    with pytest.raises(InputError, match=r"counts: shape \(1, 2\)"):
        group([[1, 2]], 3)
    with pytest.raises(InputError, match="counts: nan is not finite"):
        group([1, np.nan], 3)
    with pytest.raises(InputError, match=r"is_good: shape \(3,\) does not fit, \(2,\)"):
        group([1, 2], 3, is_good=np.ones(3, bool))


def gaussian_rmf(n=400, sigma=8.0):
    """Return a matrix whose resolution is the same everywhere: FWHM = 2.3548 sigma channels."""
    edges = np.linspace(1.0, 5.0, n + 1)
    channel = np.arange(n)
    matrix = np.exp(-0.5 * ((channel[None, :] - channel[:, None]) / sigma) ** 2)
    matrix /= np.sqrt(2 * np.pi) * sigma
    bounds = EnergyBounds(np.arange(1, n + 1), edges[:-1], edges[1:])
    return RedistributionMatrix(edges[:-1], edges[1:], matrix, bounds, 1)


def test_resolution_of_a_gaussian():
    fwhm = fwhm_in_channels(gaussian_rmf())
    np.testing.assert_allclose(fwhm[50:-50], 2 * np.sqrt(2 * np.log(2)) * 8.0, rtol=2e-3)


def test_resolution_of_a_diagonal_matrix_is_one_channel():
    rmf = gaussian_rmf(20)
    from dataclasses import replace

    np.testing.assert_array_equal(fwhm_in_channels(replace(rmf, matrix=np.eye(20))), np.ones(20))
    np.testing.assert_array_equal(fwhm_in_channels(replace(rmf, matrix=np.zeros((20, 20)))), np.ones(20))


def test_optimal_fraction_is_continuous_and_falls():
    edge = np.exp(2.119)
    below, above = optimal_fraction(np.array([edge * 0.9999, edge * 1.0001]), 1.0)
    assert below == 1.0
    assert above == pytest.approx(1.0, abs=2e-3)
    values = optimal_fraction(np.logspace(0, 8, 50), 100.0)
    assert np.all(np.diff(values) <= 0)
    # Kaastra & Bleeker (2016): about a third of the resolution for spectra of many counts.
    assert 0.25 < values[-1] < 0.45


def test_optimal_bins_of_faint_and_bright_spectra():
    rmf = gaussian_rmf()
    fwhm = 2 * np.sqrt(2 * np.log(2)) * 8.0
    faint = [len(group) for group in binned(group_optimal(np.zeros(400), rmf).grouping)]
    assert faint[5] == round(fwhm)
    counts = np.full(400, 1e4)
    bright = [len(group) for group in binned(group_optimal(counts, rmf).grouping)]
    x = np.log(1e4 * fwhm / 0.76097 * (1 + 0.2 * np.log(400 / fwhm)))
    expected = fwhm * (0.08 + 7.0 / x + 1.8 / x**2) / (1 + 5.9 / x)
    assert bright[8] == pytest.approx(expected, abs=0.75)
    with pytest.raises(InputError, match=r"counts: shape \(3,\) does not fit, \(400,\)"):
        group_optimal([1, 2, 3], rmf)


def test_optimal_bins_stop_at_bad_channels():
    good = np.ones(400, bool)
    good[100] = False
    flags = group_optimal(np.zeros(400), gaussian_rmf(), good)
    assert flags.grouping[100] == 0
    assert flags.grouping[101] == 1
    assert flags.quality[100] == 5


def test_observation_in_bins(make_pha, make_rmf, make_arf, expected_matrix):
    make_rmf()
    make_arf()
    make_pha(columns={"COUNTS": ("J", [30, 20, 10, 5, 4, 3])}, keywords={"BACKSCAL": 2.0}, name="bkg.pha")
    path = make_pha(
        columns={
            "GROUPING": ("I", [1, -1, 1, -1, -1, 1]),
            "QUALITY": ("I", [0, 0, 0, 0, 0, 5]),
            "BACKSCAL": ("E", [1, 3, 1, 1, 0, 1]),
            "STAT_ERR": ("E", [1, 2, 3, 4, 5, 6]),
            "SYS_ERR": ("E", [0.5, 0, 0, 0, 0, 0]),
        },
        keywords={"BACKFILE": "bkg.pha", "RESPFILE": "src.rmf", "ANCRFILE": "src.arf", "POISSERR": False},
    )
    grouped = group_observation(read_ogip(path))
    np.testing.assert_array_equal(grouped.spectrum.counts, [3, 14, 1])
    np.testing.assert_allclose(grouped.spectrum.counts_error, np.sqrt([5, 50, 36]))
    np.testing.assert_allclose(grouped.spectrum.sys_error, [0.5, 0, 0])
    np.testing.assert_array_equal(grouped.spectrum.backscal, [2, 1, 1])
    np.testing.assert_array_equal(grouped.is_good, [True, False, False])
    np.testing.assert_array_equal(grouped.background.counts, [50, 19, 3])
    expected = np.stack([expected_matrix[:, :2].sum(1), expected_matrix[:, 2:5].sum(1), expected_matrix[:, 5]], axis=1)
    np.testing.assert_allclose(grouped.rmf.matrix, expected, rtol=1e-6)
    np.testing.assert_allclose(grouped.ebounds.energy_min, [0.4, 1.2, 5.0], rtol=1e-6)
    np.testing.assert_allclose(grouped.ebounds.energy_max, [1.2, 5.0, 9.0], rtol=1e-6)
    only_channel = group_observation(read_ogip(path), bad="channel")
    np.testing.assert_array_equal(only_channel.spectrum.counts, [3, 7, 1])
    np.testing.assert_array_equal(only_channel.is_good, [True, True, False])
    np.testing.assert_allclose(only_channel.rmf.matrix[:, 1], expected_matrix[:, 2:4].sum(1), rtol=1e-6)
