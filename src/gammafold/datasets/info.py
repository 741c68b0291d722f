"""Datasets in words and numbers: `info_dict`, `info_table` and what ``print`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.folding import split_models
from gammafold.datasets.slots import held_part, is_on_disk
from gammafold.stats.kernels import CashStatistic, WStatistic

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.datasets.map_prediction import MapPrediction

__all__ = ["cash_significance", "gauss_significance", "info_dict", "info_table", "summary", "wstat_significance"]

# What is said of a part of a dataset that was opened lazily.
NOT_READ = "not read from file yet"


def info_dict(dataset: MapPrediction, in_safe_data_range: bool) -> dict[str, Any]:
    """Return a summary, summed over energy; see `MapDataset.info_dict`."""
    bins = dataset.safe_bins() if in_safe_data_range else np.ones(dataset.reco_energy_axis.nbin, dtype=bool)
    counts = _total(dataset.counts, bins)
    background = _total(dataset.background, bins)
    livetime = _livetime(dataset)
    low, high = _exposure_range(dataset)
    sky, _ = split_models(dataset.models or ())
    has_prediction = bool(sky) or dataset.background is not None
    return {
        "name": dataset.name,
        "counts": counts,
        "background": background,
        "excess": counts - background,
        "sqrt_ts": dataset.significance(bins),
        "npred": _total(dataset.npred(), bins) if has_prediction else np.nan,
        "npred_background": _total(dataset.npred_background(), bins),
        "npred_signal": _total(dataset.npred_signal(), bins) if sky else np.nan,
        "exposure_min": low,
        "exposure_max": high,
        "livetime": livetime,
        "ontime": u.Quantity(np.nan, "s") if dataset.gti is None else dataset.gti.time_sum.to("s"),
        "counts_rate": _rate(counts, livetime),
        "background_rate": _rate(background, livetime),
        "excess_rate": _rate(counts - background, livetime),
        "n_bins": int(bins.size),
        "n_fit_bins": int(dataset.selected_bins().sum()),
        "stat_type": dataset.stat_type,
        "stat_sum": dataset.stat_sum() if dataset.models is not None and dataset.counts is not None else np.nan,
    }


def cash_significance(counts: float, background: float) -> float:
    """Return the signed significance of counts above a known background (Cash 1979).

    Infinite where something was seen and nothing expected.
    """
    if not np.isfinite(counts + background):
        return np.nan
    improvement = float(CashStatistic(np.array([counts])).deviance(np.array([background])))
    return float(np.sign(counts - background) * np.sqrt(max(0.0, improvement)))


def gauss_significance(excess: float, *errors: np.ndarray) -> float:
    """Return an excess over its error, which is the root of the sum of the squares of all ``errors``."""
    variance = sum(float((error**2).sum()) for error in errors)
    return float(excess / np.sqrt(variance)) if variance > 0 else np.nan


def wstat_significance(counts: float, counts_off: float, alpha: float) -> float:
    """Return the signed significance of counts above a measured background (Li & Ma 1983, equation 17)."""
    if not np.isfinite(counts + counts_off + alpha):
        return np.nan
    statistic = WStatistic(np.array([counts]), np.array([counts_off]), np.array([alpha]))
    # The deviance is zero at the best signal: that of no signal is the test statistic.
    improvement = float(statistic.deviance(np.array([0.0])))
    return float(np.sign(counts - alpha * counts_off) * np.sqrt(max(0.0, improvement)))


def info_table(datasets: Sequence[Any], cumulative: bool) -> Table:
    """Return a table of `info_dict` of datasets, or of the stacks of the first one, two, three, ... of them."""
    from astropy.table import Table

    rows = []
    if cumulative and datasets:
        stacked = datasets[0].to_masked(name="stacked")
        for i, dataset in enumerate(datasets):
            if i:
                stacked.stack(dataset)
            rows.append(stacked.info_dict())
    else:
        rows = [dataset.info_dict() for dataset in datasets]
    if not rows:
        return Table()
    # The row that knows most gives the order; what others do not know is NaN.
    names = list(dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row))
    return Table({name: _column([row.get(name, np.nan) for row in rows]) for name in names})


def summary(dataset: MapPrediction) -> str:
    """Return a dataset in words; nothing is read from file and nothing is evaluated that is not there."""
    lines = [type(dataset).__name__, "-" * len(type(dataset).__name__), ""]
    lines.append(_line("Name", dataset.name))
    if held_part(dataset, "counts") is None:
        lines.append(_line("Counts", NOT_READ if is_on_disk(dataset, "counts") else "none in memory"))
    else:
        lines += _numbers(dataset)
    lines.append("")
    for part in ("mask_safe", "mask_fit"):
        mask = held_part(dataset, part)
        unset = NOT_READ if is_on_disk(dataset, part) else "not set: all bins"
        text = unset if mask is None else f"{int(mask.data.sum())} of {mask.data.size} bins"
        lines.append(_line(part, text))
    lines.append(_line("Statistic", dataset.stat_type))
    models = dataset.models
    lines.append(_line("Models", "none" if models is None else ", ".join(models.names) or "none apply"))
    if models is not None:
        free = models.parameters.unique_parameters.free_parameters
        lines.append(_line("Parameters", f"{len(models.parameters)}, {len(free)} of them free"))
    return "\n".join(lines) + "\n"


def _numbers(dataset: MapPrediction) -> list[str]:
    info = dataset.info_dict(in_safe_data_range=True)
    low, high = dataset.energy_range
    lines = [_line("Safe energies", f"{low:.4g} to {high:.4g}"), ""]
    labels = {
        "counts": "Counts",
        "background": "Background",
        "excess": "Excess",
        "sqrt_ts": "Significance",
        "npred": "Predicted",
        "npred_background": "  background",
        "npred_signal": "  signal",
        "exposure_min": "Exposure, least",
        "exposure_max": "Exposure, most",
        "livetime": "Live time",
        "ontime": "On time",
        "n_fit_bins": "Bins to fit",
        "stat_sum": "Fit statistic",
    }
    return lines + [_line(label, f"{info[key]:.6g}") for key, label in labels.items()]


def _line(label: str, text: str) -> str:
    return f"  {label:<16s}: {text}"


def _total(region_map: Any, bins: np.ndarray) -> float:
    return np.nan if region_map is None else float(region_map.data.reshape(-1)[bins].sum())


def _livetime(dataset: MapPrediction) -> u.Quantity:
    meta = None if dataset.exposure is None else dataset.exposure.meta
    return u.Quantity(np.nan if not meta or meta.get("livetime") is None else meta["livetime"], "s")


def _rate(number: float, livetime: u.Quantity) -> u.Quantity:
    """Return a number per live time, NaN where there is none."""
    return number / livetime if livetime > 0 else u.Quantity(np.nan, "s-1")


def _exposure_range(dataset: MapPrediction) -> tuple[u.Quantity, u.Quantity]:
    """Return the least and the greatest exposure; bins without any are looked at only if nothing is safe."""
    if dataset.exposure is None:
        return u.Quantity(np.nan, "cm2 s"), u.Quantity(np.nan, "cm2 s")
    values = dataset.exposure.quantity.reshape(-1)
    exposed = values[values > 0]
    chosen = exposed if exposed.size and dataset.safe_bins().any() else values
    return chosen.min(), chosen.max()


def _column(values: list[Any]) -> Any:
    units = [value.unit for value in values if isinstance(value, u.Quantity)]
    if not units:
        return values
    return u.Quantity([value if isinstance(value, u.Quantity) else value * units[0] for value in values])
