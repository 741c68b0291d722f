"""Channels put together in bins: flags of a file applied, and flags made.

Flags are those of OGIP memo OGIP/92-007: ``GROUPING`` is 1 where a bin starts, -1 where it goes on and 0 where a
channel stands alone; ``QUALITY`` is 0 where a channel is good. Grouping is applied first, quality after it.

Bins should not be made from the source counts alone if a W statistic follows: it is off counts near zero that bias
it, so group by them (`group_by_counts` with the off counts).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammafold.data.ogip.model import EnergyBounds, Floats, Integers, Observation, RedistributionMatrix, Spectrum
from gammafold.utils.errors import InputError

__all__ = [
    "Bins",
    "GroupFlags",
    "bins_of",
    "fwhm_in_channels",
    "group_by_counts",
    "group_by_signal_to_noise",
    "group_observation",
    "group_optimal",
    "optimal_fraction",
]

# Part of a Gaussian between the points of half its maximum: erf(sqrt(ln 2)).
_WITHIN_FWHM = 0.7609681085504878


class GroupFlags(NamedTuple):
    """Flags of channels, each int16 of shape (n_channel,)."""

    grouping: NDArray[np.int16]
    quality: NDArray[np.int16]


@dataclass(frozen=True, eq=False, slots=True)
class Bins:
    """Which channels make up which bin.

    Attributes
    ----------
    member : `~numpy.ndarray`
        Number of the bin of each channel, int64, shape (n_channel,); -1 for channels that are left out.
    is_good : `~numpy.ndarray`
        Whether a bin may be used, bool, shape (n_bin,).
    """

    member: Integers
    is_good: NDArray[np.bool_]

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return self.is_good.size

    def sum(self, values: NDArray[Any]) -> Floats:
        """Return the sum over the channels of each bin; the channels are the last axis of ``values``."""
        used = self.member >= 0
        if values.ndim == 1:
            return np.bincount(self.member[used], weights=values[used], minlength=self.n_bins).astype(np.float64)
        order = np.flatnonzero(used)
        starts = np.searchsorted(self.member[order], np.arange(self.n_bins))
        return np.add.reduceat(values[:, order], starts, axis=1).astype(np.float64)

    def mean(self, values: Floats) -> Floats:
        """Return the mean of the values above zero in each bin; zero where there are none."""
        count = self.sum((values > 0).astype(np.float64))
        return np.divide(self.sum(values), count, out=np.zeros(self.n_bins), where=count > 0)

    def bounds(self, ebounds: EnergyBounds) -> EnergyBounds:
        """Return the energies of the bins."""
        used = self.member >= 0
        low, high = np.full(self.n_bins, np.inf), np.zeros(self.n_bins)
        np.minimum.at(low, self.member[used], ebounds.energy_min[used])
        np.maximum.at(high, self.member[used], ebounds.energy_max[used])
        return EnergyBounds(np.arange(1, self.n_bins + 1, dtype=np.int64), low, high)


def bins_of(
    grouping: NDArray[np.int16] | None, is_good: NDArray[np.bool_], bad: Literal["bin", "channel"] = "bin"
) -> Bins:
    """Return the bins that flags describe.

    Parameters
    ----------
    grouping : `~numpy.ndarray` or None
        Flags, shape (n_channel,); None puts every channel in a bin of its own.
    is_good : `~numpy.ndarray`
        Good channels, bool, shape (n_channel,).
    bad : {"bin", "channel"}
        What a bad channel in a bin means: the bin is bad ("bin", the default, as Sherpa does), or only the channel is
        left out ("channel", as XSPEC does).

    Examples
    --------
    >>> bins_of(np.array([1, -1, 0, 1, -1], np.int16), np.array([True, True, True, False, True])).is_good
    array([ True,  True, False])
    """
    if bad not in {"bin", "channel"}:
        raise InputError(f"bad = {bad!r}: 'bin' or 'channel' is needed")
    starts = np.ones(is_good.size, bool) if grouping is None else np.asarray(grouping) != -1
    starts[:1] = True
    member = np.cumsum(starts).astype(np.int64) - 1
    n_bins = int(member[-1]) + 1 if member.size else 0
    n_good = np.bincount(member[is_good], minlength=n_bins)
    if bad == "channel":
        return Bins(np.where(is_good | (n_good == 0)[member], member, -1), n_good > 0)
    return Bins(member, n_good == np.bincount(member, minlength=n_bins))


def group_observation(observation: Observation, bad: Literal["bin", "channel"] = "bin") -> Observation:
    """Return an observation in the bins of its grouping flags, with one channel, from 1 on, for each bin.

    Counts and redistribution are summed, scale factors averaged, Gaussian errors added in quadrature. A bin is good
    if it is so in the spectrum and in every background, which take the bins of the spectrum.

    Parameters
    ----------
    observation : Observation
        What to group; its spectrum holds the flags.
    bad : {"bin", "channel"}
        As for `bins_of`.
    """
    bins = bins_of(observation.spectrum.grouping, observation.is_good, bad)
    return replace(
        observation,
        spectrum=_group_spectrum(observation.spectrum, bins),
        backgrounds=tuple(_group_spectrum(off, bins) for off in observation.backgrounds),
        rmf=None if observation.rmf is None else _group_rmf(observation.rmf, bins),
    )


def _group_spectrum(spectrum: Spectrum, bins: Bins) -> Spectrum:
    """Return a spectrum in bins."""
    counts = bins.sum(spectrum.counts)
    error = None if spectrum.counts_error is None else np.sqrt(bins.sum(spectrum.counts_error**2))
    systematic = bins.sum(spectrum.counts * spectrum.sys_error)
    return replace(
        spectrum,
        channel=np.arange(1, bins.n_bins + 1, dtype=np.int64),
        counts=counts,
        counts_error=error,
        sys_error=np.divide(systematic, counts, out=np.zeros(bins.n_bins), where=counts > 0),
        quality=np.where(bins.is_good, 0, 1).astype(np.int16),
        grouping=None,
        backscal=bins.mean(spectrum.backscal),
        areascal=bins.mean(spectrum.areascal),
        mask_fit=None if spectrum.mask_fit is None else bins.sum((~spectrum.mask_fit).astype(np.float64)) == 0,
        ebounds=None if spectrum.ebounds is None else bins.bounds(spectrum.ebounds),
        embedded_backgrounds=tuple(_group_spectrum(off, bins) for off in spectrum.embedded_backgrounds),
        detchans=bins.n_bins,
    )


def _group_rmf(rmf: RedistributionMatrix, bins: Bins) -> RedistributionMatrix:
    """Return a matrix in bins."""
    ebounds = bins.bounds(rmf.ebounds)
    return replace(
        rmf, matrix=bins.sum(rmf.matrix), ebounds=ebounds, first_channel=1, base_source="numbered when grouped"
    )


def group_by_counts(counts: ArrayLike, minimum: float, is_good: NDArray[np.bool_] | None = None) -> GroupFlags:
    """Return flags of bins that hold at least ``minimum`` counts each.

    Parameters
    ----------
    counts : array-like
        What is counted, shape (n_channel,): the counts of the source, or off counts for a W statistic.
    minimum : float
        Least sum of a bin.
    is_good : `~numpy.ndarray`, optional
        Channels to use, bool; the others stand alone, and no bin reaches across them. Default is all.

    Returns
    -------
    flags : GroupFlags
        Quality is 2 (dubious) where the channels did not suffice for a bin, 5 where ``is_good`` is False.

    Examples
    --------
    >>> group_by_counts([1, 2, 4, 0, 3, 1], 3).grouping
    array([ 1, -1,  1,  1, -1,  1], dtype=int16)
    """
    if not minimum > 0:
        raise InputError(f"minimum = {minimum!r}: a number above zero is needed")
    values = _channels("counts", counts)
    return _group(values, np.zeros_like(values), lambda total, _: total >= minimum, is_good)


def group_by_signal_to_noise(
    counts: ArrayLike,
    minimum: float,
    counts_off: ArrayLike | None = None,
    alpha: ArrayLike = 1.0,
    counts_error: ArrayLike | None = None,
    is_good: NDArray[np.bool_] | None = None,
) -> GroupFlags:
    r"""Return flags of bins whose excess is at least ``minimum`` times its error.

    The excess is :math:`n - \alpha m`, its variance :math:`n + \alpha^2 m` for counts n and off counts m, or the
    square of ``counts_error`` in place of n.

    Parameters
    ----------
    counts, counts_off : array-like
        Counts, shape (n_channel,). Without off counts there is no background.
    minimum : float
        Least signal to noise ratio of a bin.
    alpha : array-like
        Factor of the off counts, scalar or of shape (n_channel,). Default is 1.
    counts_error : array-like, optional
        Errors of counts that are not Poisson distributed, shape (n_channel,).
    is_good : `~numpy.ndarray`, optional
        As for `group_by_counts`.

    Returns
    -------
    flags : GroupFlags
        As for `group_by_counts`.

    Examples
    --------
    >>> group_by_signal_to_noise([4, 4, 1, 9], 2.5).grouping
    array([ 1, -1,  1, -1], dtype=int16)
    """
    if not minimum > 0:
        raise InputError(f"minimum = {minimum!r}: a number above zero is needed")
    on = _channels("counts", counts)
    off = np.zeros_like(on) if counts_off is None else _channels("counts_off", counts_off, on.size)
    factor = np.broadcast_to(np.asarray(alpha, float), on.shape)
    variance = on if counts_error is None else _channels("counts_error", counts_error, on.size) ** 2
    return _group(
        on - factor * off,
        variance + factor**2 * off,
        lambda excess, var: excess > 0 and excess >= minimum * np.sqrt(var),
        is_good,
    )


def group_optimal(counts: ArrayLike, rmf: RedistributionMatrix, is_good: NDArray[np.bool_] | None = None) -> GroupFlags:
    r"""Return flags of the widest bins that lose no information.

    With the number of resolution elements R of the spectrum and the counts :math:`N_r` in one of them,
    :math:`x = \ln[N_r (1 + 0.20 \ln R)]`, a bin should have the width of the resolution (FWHM) if x is at most 2.119,
    and :math:`(0.08 + 7.0/x + 1.8/x^2) / (1 + 5.9/x)` of it otherwise (Kaastra & Bleeker 2016, A&A 587, A151,
    equations 36 and 37).

    Parameters
    ----------
    counts : array-like
        Counts, shape (n_channel,).
    rmf : RedistributionMatrix
        Gives the resolution.
    is_good : `~numpy.ndarray`, optional
        As for `group_by_counts`.

    Returns
    -------
    flags : GroupFlags
        As for `group_by_counts`.
    """
    fwhm = fwhm_in_channels(rmf)
    values = _channels("counts", counts, fwhm.size)
    good = np.ones(fwhm.size, bool) if is_good is None else is_good
    elements = max(float(np.sum(1.0 / fwhm[good])), 1.0)
    cumulative = np.concatenate([[0.0], np.cumsum(np.where(good, values, 0.0))])
    edges = np.arange(fwhm.size + 1.0)
    center = np.arange(fwhm.size) + 0.5
    upper = np.interp(center + fwhm / 2, edges, cumulative)
    inside = upper - np.interp(center - fwhm / 2, edges, cumulative)
    width = fwhm * optimal_fraction(inside / _WITHIN_FWHM, elements)
    return _group_by_width(np.maximum(1, np.rint(width)).astype(np.int64), good)


def optimal_fraction(counts: Floats, n_elements: float) -> Floats:
    """Return the optimal width of a bin over the resolution (Kaastra & Bleeker 2016, equations 36 and 37).

    Examples
    --------
    >>> optimal_fraction(np.array([1.0, 100.0, 1e6]), 10.0).round(3)
    array([1.   , 0.713, 0.411])
    """
    x = np.log(np.maximum(counts * (1.0 + 0.20 * np.log(n_elements)), 1e-300))
    inverse = 1.0 / np.maximum(x, 2.119)
    return np.where(x > 2.119, (0.08 + 7.0 * inverse + 1.8 * inverse**2) / (1.0 + 5.9 * inverse), 1.0)


def fwhm_in_channels(rmf: RedistributionMatrix) -> Floats:
    """Return the resolution, full width at half maximum, at each channel, in channels, shape (n_channel,).

    It is that of the true energy nearest to the channel's nominal energy, and at least one channel.
    """
    nominal = (rmf.ebounds.energy_min + rmf.ebounds.energy_max) / 2
    true = (rmf.energy_lo + rmf.energy_hi) / 2
    order = np.argsort(true)
    rows = order[np.searchsorted((true[order][1:] + true[order][:-1]) / 2, nominal)]
    widths = np.ones(rmf.energy_lo.size)
    for row in np.unique(rows):
        widths[row] = _fwhm(rmf.matrix[row])
    return widths[rows]


def _fwhm(profile: Floats) -> float:
    """Return the width, in channels, of the part around the maximum that lies above its half."""
    peak = int(np.argmax(profile))
    half = profile[peak] / 2
    if half <= 0:
        return 1.0
    left, right = peak, peak
    while left > 0 and profile[left - 1] > half:
        left -= 1
    while right < profile.size - 1 and profile[right + 1] > half:
        right += 1
    # The crossing is interpolated between the centers of the channels on either side of it.
    low, high = float(left), float(right)
    if left > 0:
        low -= (profile[left] - half) / (profile[left] - profile[left - 1])
    if right < profile.size - 1:
        high += (profile[right] - half) / (profile[right] - profile[right + 1])
    return max(high - low, 1.0)


def _channels(name: str, values: ArrayLike, size: int | None = None) -> Floats:
    """Return numbers of channels as an array, checked."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or (size is not None and array.size != size):
        raise InputError(
            f"{name}: shape {array.shape} does not fit, ({'n_channel' if size is None else size},) is needed"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{name}: {array[~np.isfinite(array)][0]} is not finite")
    return array


def _group(first: Floats, second: Floats, is_full: Any, is_good: NDArray[np.bool_] | None) -> GroupFlags:
    """Return flags of bins that end as soon as the sums of two quantities suffice."""
    n = first.size
    good = np.ones(n, bool) if is_good is None else np.asarray(is_good, bool)
    if good.shape != (n,):
        raise InputError(f"is_good: shape {good.shape} does not fit, ({n},) is needed")
    grouping = np.zeros(n, np.int16)
    quality = np.where(good, 0, 5).astype(np.int16)
    start, sums = -1, (0.0, 0.0)
    for i in range(n):
        if not good[i]:
            if start >= 0:
                quality[start:i] = 2
            start = -1
            continue
        grouping[i] = 1 if start < 0 else -1
        sums = (first[i], second[i]) if start < 0 else (sums[0] + first[i], sums[1] + second[i])
        start = i if start < 0 else start
        if is_full(*sums):
            start = -1
    if start >= 0:
        quality[start:] = 2
    return GroupFlags(grouping, quality)


def _group_by_width(width: Integers, good: NDArray[np.bool_]) -> GroupFlags:
    """Return flags of bins that are nowhere wider than ``width`` (in channels) allows."""
    n = width.size
    grouping = np.zeros(n, np.int16)
    start, limit = -1, 0
    for i in range(n):
        if not good[i]:
            start = -1
            continue
        limit = min(limit, int(width[i]))
        if start < 0 or i + 1 - start > limit:
            start, limit = i, int(width[i])
            grouping[i] = 1
        else:
            grouping[i] = -1
    return GroupFlags(grouping, np.where(good, 0, 5).astype(np.int16))
