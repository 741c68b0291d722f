"""Spectra whose channels are put together in bins: flags made, files written, a table for the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gammafold.data.ogip import (
    Bins,
    GroupFlags,
    Observation,
    bins_of,
    group_by_counts,
    group_by_signal_to_noise,
    group_observation,
    group_optimal,
    read_ogip,
    write_pha,
)
from gammafold.data.ogip.companions import resolve
from gammafold.report.files import write_figure, write_json
from gammafold.report.text import fixed, make_table
from gammafold.utils.errors import InputError
from gammafold.utils.files import bare_name

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["GroupedFile", "Rule", "group_files", "group_flags", "group_table", "grouped_path"]


@dataclass(frozen=True)
class Rule:
    """When a bin is full: at least ``value`` "counts", "off" counts or sigma ("snr"); "optimal": by the resolution."""

    name: str
    value: float


@dataclass(frozen=True)
class GroupedFile:
    """A spectrum that was grouped: its bins, the counts in each that is good, and what was written."""

    path: Path
    bins: Bins
    counts: np.ndarray
    written: tuple[Path, ...]


def group_flags(observation: Observation, rule: Rule) -> GroupFlags:
    """Return the flags of the channels of an observation; channels that are bad stay bad.

    Raises
    ------
    InputError
        If the rule needs a background or a redistribution matrix that is not there.
    """
    spectrum, off, good = observation.spectrum, observation.background, observation.is_good
    if rule.name == "counts":
        flags = group_by_counts(spectrum.counts, rule.value, good)
    elif rule.name == "off":
        if off is None:
            raise InputError(f"{spectrum.path} has no background: it cannot be grouped by off counts")
        flags = group_by_counts(off.counts, rule.value, good)
    elif rule.name == "snr":
        counts_off = None if off is None else off.counts
        alpha = 1.0 if off is None else observation.background_scale()
        error = None if spectrum.poisson else spectrum.counts_error
        flags = group_by_signal_to_noise(spectrum.counts, rule.value, counts_off, alpha, error, good)
    elif rule.name == "optimal":
        if observation.rmf is None:
            raise InputError(f"{spectrum.path} has no redistribution matrix: its resolution is unknown")
        flags = group_optimal(spectrum.counts, observation.rmf, good)
    else:
        raise InputError(f"no rule {rule.name!r} to group by: there are counts, off, snr and optimal")
    return GroupFlags(flags.grouping, np.where(spectrum.quality != 0, spectrum.quality, flags.quality))


def group_files(path: Path, rule: Rule, folder: Path | None = None) -> GroupedFile:
    """Write a grouped copy of a spectrum, a summary and a figure, beside it or into a folder.

    Raises
    ------
    InputError
        If no bin can be filled, or the spectrum has several backgrounds (a file of this form names one).
    """
    observation = read_ogip(path)
    spectrum = observation.spectrum
    source = path if spectrum.path is None else spectrum.path
    if len(observation.backgrounds) > 1:
        raise InputError(f"{source} has {len(observation.backgrounds)} backgrounds: a spectrum is written with one")
    flags = group_flags(observation, rule)
    grouped = replace(spectrum, grouping=flags.grouping, quality=flags.quality)
    bins = bins_of(flags.grouping, replace(observation, spectrum=grouped).is_good)
    if not bins.is_good.any():
        raise InputError(f"{source}: no bin is full, there are {spectrum.counts[observation.is_good].sum():g} counts")
    target = grouped_path(source, folder)
    background, matrix, area = (_relative(name, source, target.parent) for name in _companions(observation))
    write_pha(grouped, target, True, background, matrix, area)
    counts = bins.sum(spectrum.counts)[bins.is_good]
    summary = {
        "file": str(source),
        "rule": rule.name,
        "value": rule.value,
        "channels": int(spectrum.counts.size),
        "bins": int(bins.is_good.sum()),
        "bad_bins": int((~bins.is_good).sum()),
        "counts_per_bin": counts,
    }
    written = [target, write_json(summary, target.with_suffix(".json"))]
    if observation.ebounds is not None:
        written.append(_figure(replace(observation, spectrum=grouped), target.with_suffix(".png")))
    return GroupedFile(source, bins, counts, tuple(written))


def grouped_path(path: Path, folder: Path | None = None) -> Path:
    """Return the path of the grouped copy of a spectrum, beside it or in a folder."""
    return (path.parent if folder is None else folder) / f"{bare_name(path)}_grouped.fits"


def _companions(observation: Observation) -> list[str | None]:
    """Return the names of background, matrix and area in the spectrum."""
    spectrum = observation.spectrum
    background = spectrum.background_files[0] if spectrum.background_files else None
    return [background, spectrum.response_file, spectrum.ancillary_file]


def _relative(name: str | None, source: Path, folder: Path) -> str | None:
    """Return the name of a companion as seen from another folder, if it is a file."""
    found = None if name is None else resolve(name, source)
    return name if found is None else os.path.relpath(found, folder)


def _figure(observation: Observation, path: Path) -> Path:
    import matplotlib.pyplot as plt

    from gammafold.datasets import SpectrumDatasetOnOff
    from gammafold.datasets.ogip import parts_of

    grouped = group_observation(observation.ascending())
    dataset = SpectrumDatasetOnOff(name=path.stem, **parts_of(grouped))
    figure, ax = plt.subplots(figsize=(7, 5))
    dataset.plot_counts(ax)
    ax.set_title(path.stem)
    return write_figure(figure, path)


def group_table(grouped: Sequence[GroupedFile]) -> Table:
    """Return a table for the terminal: channels, bins, and the least and the most counts in a good bin."""
    columns = {"spectrum": "left"} | dict.fromkeys(("channels", "bins", "bad bins", "counts in a bin"), "right")
    table = make_table("grouped", columns)
    for one in grouped:
        table.add_row(
            one.path.name,
            str(one.bins.member.size),
            str(int(one.bins.is_good.sum())),
            str(int((~one.bins.is_good).sum())),
            f"{fixed(one.counts.min(), 0)} – {fixed(one.counts.max(), 0)}",
        )
    return table
