"""What is in a dataset, and what is suspicious about it, in words and a table: `MapDataset.explain`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.fit_checks import low_off_counts, missing_exposure
from gammafold.datasets.folding import split_models
from gammafold.datasets.statistics import chosen
from gammafold.irf.edisp_map import EDispKernelMap

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["Explanation", "explain"]

# Bins in the table; of longer spectra the first and the last are shown.
_MOST_BINS = 24
# With so many counts their errors are about gaussian.
_GAUSSIAN = 20


@dataclass(frozen=True, eq=False)
class Explanation:
    """A dataset in words, numbers and a table; ``print`` shows all of it.

    Attributes
    ----------
    name : str
        Name of the dataset.
    facts : mapping of str to str
        What is in it: exposure, livetime, ranges, masks, counts, alpha, empty bins, channels, statistic, models.
    suspicious : tuple of str
        What should be looked at; the first ones make a fit impossible or biased.
    notes : tuple of str
        What was decided when it was read from file.
    bins : `~astropy.table.Table`
        A row for each bin: energies, masks, counts, and off counts, alpha, background and errors where there are any.
    """

    name: str
    facts: Mapping[str, str]
    suspicious: tuple[str, ...]
    notes: tuple[str, ...]
    bins: Table

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain dicts, lists, strings and numbers, such as JSON holds."""
        columns = {name: np.asarray(self.bins[name]).tolist() for name in self.bins.colnames}
        return {
            "name": self.name,
            "facts": dict(self.facts),
            "suspicious": list(self.suspicious),
            "notes": list(self.notes),
            "energy_unit": str(self.bins["energy_min"].unit),
            "bins": columns,
        }

    def __str__(self) -> str:
        width = max(len(label) for label in self.facts)
        lines = [f"Dataset {self.name!r}", ""]
        lines += [f"  {label:<{width}s}  {text}" for label, text in self.facts.items()]
        lines += ["", "Suspicious:" if self.suspicious else "Nothing is suspicious."]
        lines += [f"  - {text}" for text in self.suspicious]
        if self.notes:
            lines += ["", "Decided on reading:", *(f"  - {text}" for text in self.notes)]
        chosen_bins = self.bins[self.bins["fit"]]
        title = "Bins to fit:" if len(chosen_bins) else "No bin is to be fitted; all bins:"
        lines += ["", title, *(f"  {line}" for line in _table_lines(chosen_bins if len(chosen_bins) else self.bins))]
        return "\n".join(lines)

    __repr__ = __str__


def explain(dataset: Any) -> Explanation:
    """Return what is in a dataset; see `MapDataset.explain`."""
    facts = {
        **_response_facts(dataset),
        **_range_facts(dataset),
        **_counts_facts(dataset),
        "Channels": _channels(dataset),
        "Statistic": "{}: {}".format(*chosen(dataset)),
        "Models": ", ".join(dataset.models.names) or "none apply" if dataset.models is not None else "none",
    }
    return Explanation(dataset.name, facts, tuple(_suspicions(dataset)), tuple(dataset.notes), _bins_table(dataset))


def _response_facts(dataset: Any) -> dict[str, str]:
    if dataset.exposure is None:
        facts = {"Exposure": "none"}
    else:
        values = dataset.exposure.quantity.to("cm2 s").reshape(-1)
        true = dataset.exposure.geom.axes["energy_true"].edges
        span, energies = f"{values.min().value:.4g} to {values.max():.4g}", _span(true[0], true[-1])
        facts = {"Exposure": f"{span}, for true energies of {energies} in {values.size} bins"}
        livetime = (dataset.exposure.meta or {}).get("livetime")
        facts["Live time"] = "unknown" if livetime is None else f"{livetime:.6g}"
    edisp = dataset.edisp
    if edisp is None:
        facts["Dispersion"] = "none: the bins of true energy are those of reconstructed energy, or shared out"
    elif isinstance(edisp, EDispKernelMap):
        total = edisp.edisp_map.data.reshape(-1, dataset.reco_energy_axis.nbin).sum(axis=1)
        low, high = f"{total.min():.3g}", f"{total.max():.3g}"
        share = low if low == high else f"{low} to {high}"
        facts["Dispersion"] = f"a matrix; a share of {share} of the events of a true energy falls into the bins"
    else:
        facts["Dispersion"] = f"a {type(edisp).__name__}"
    return facts


def _range_facts(dataset: Any) -> dict[str, str]:
    axis = dataset.reco_energy_axis
    facts = {"Energies": f"{_span(axis.edges[0], axis.edges[-1])} in {axis.nbin} bins"}
    for label, part, limits in (
        ("Safe", dataset.mask_safe, dataset.energy_range_safe),
        ("To fit", dataset.mask_fit, dataset.energy_range_fit),
        ("Both", dataset.mask, dataset.energy_range_total),
    ):
        if part is None:
            facts[label] = "not set: all bins"
        else:
            where = _span(*limits) if np.isfinite(limits.value).all() else "no energies"
            facts[label] = f"{where}, {int(part.data.sum())} of {axis.nbin} bins"
    return facts


def _counts_facts(dataset: Any) -> dict[str, str]:
    bins = dataset.selected_bins()
    facts: dict[str, str] = {}
    for label, part in (("Counts", "counts"), ("Off counts", "counts_off"), ("Background", "background")):
        values = _values(dataset, part)
        if values is None:
            if part != "counts_off" or "counts_off" in dataset.reco_parts:
                facts[label] = "none"
            continue
        text = f"{values[bins].sum():.6g} in the bins to fit, {values.sum():.6g} in all"
        if part != "background":
            text += f"; {int((values[bins] == 0).sum())} of {int(bins.sum())} bins to fit are empty"
            text += f", the mean is {values[bins].mean():.3g}" if bins.any() else ""
        facts[label] = text
    alpha = _values(dataset, "alpha")
    if alpha is not None and bins.any():
        low, high = f"{alpha[bins].min():.6g}", f"{alpha[bins].max():.6g}"
        facts["Alpha"] = low if low == high else f"{low} to {high}"
    return facts


def _channels(dataset: Any) -> str:
    """Return where the number of the first channel of the response comes from."""
    found = [note.partition(": ")[2] for note in dataset.notes if ": first channel " in note]
    return "; ".join(found) if found else "not from a redistribution file"


def _suspicions(dataset: Any) -> list[str]:
    """Return what should be looked at."""
    bins = dataset.selected_bins()
    found = [] if bins.any() else ["no bin lies inside the masks: there is nothing to fit"]
    exposure = missing_exposure(dataset)
    if exposure is not None:
        found.append(f"{exposure}; a fit is refused")
    elif bins.any():
        found += _blind_bins(dataset, bins)
    counts = _values(dataset, "counts")
    if counts is None:
        return [*found, "there are no counts"]
    if bins.any() and not counts[bins].any():
        found.append("all bins to fit are without counts")
    if dataset.counts_error is None and not np.array_equal(counts, np.rint(counts)):
        found.append("the counts are no whole numbers, but have no errors: they are compared as Poisson counts")
    return found + _of_the_statistic(dataset, counts[bins], bins, exposure is None)


def _of_the_statistic(dataset: Any, counts: np.ndarray, bins: np.ndarray, is_exposed: bool) -> list[str]:
    """Return where the statistic does not fit the data."""
    found = []
    if dataset.stat_type == "wstat" and bins.any():
        signal = None
        if is_exposed and split_models(dataset.models or ())[0]:
            signal = dataset.npred_signal().data.reshape(-1)[bins]
        found += [text for text in [low_off_counts(dataset, signal)] if text]
        alpha = _values(dataset, "alpha")
        n_zero = 0 if alpha is None else int((alpha[bins] == 0).sum())
        if n_zero:
            found.append(f"alpha is zero in {n_zero} bins to fit: no background is assumed there")
    if dataset.stat_type in {"cash", "cstat"} and dataset.background is None:
        found.append("there is no background: all counts are taken for signal")
    n_few = int((counts < _GAUSSIAN).sum())
    if dataset.stat_type.startswith("chi2") and dataset.counts_error is None and n_few:
        found.append(
            f"{n_few} bins to fit have fewer than {_GAUSSIAN} counts, where chi squared is biased: group them, "
            f"dataset.group('counts', {_GAUSSIAN}), or use a Poisson statistic"
        )
    return found


def _blind_bins(dataset: Any, bins: np.ndarray) -> list[str]:
    """Return a warning about bins to fit in which no model predicts counts."""
    if not isinstance(dataset.edisp, EDispKernelMap):
        return []
    kernel = dataset.edisp.edisp_map.data.reshape(-1, bins.size)
    blind = bins & ~((dataset.exposure.data.reshape(-1) @ kernel) > 0)
    if not blind.any():
        return []
    return [f"{int(blind.sum())} bins to fit have no response: no model predicts counts there"]


def _bins_table(dataset: Any) -> Table:
    """Return a table with a row for each bin."""
    from astropy.table import QTable

    axis = dataset.reco_energy_axis
    table = QTable()
    table["energy_min"], table["energy_max"] = axis.edges[:-1], axis.edges[1:]
    table["safe"] = dataset.safe_bins()
    table["fit"] = dataset.selected_bins()
    for part in ("counts", "counts_error", "counts_off", "counts_off_error", "alpha", "background"):
        values = _values(dataset, part)
        if values is not None:
            table[part] = values
    for name in ("energy_min", "energy_max", "alpha", "background", "counts_error", "counts_off_error"):
        if name in table.colnames:
            table[name].info.format = ".4g"
    return table


def _table_lines(table: Table) -> list[str]:
    n = len(table)
    if n <= _MOST_BINS:
        return list(table.pformat(max_lines=-1, max_width=-1))
    half = _MOST_BINS // 2
    lines = table.pformat(max_lines=-1, max_width=-1)
    head = len(lines) - n
    return [*lines[: head + half], f"... {n - 2 * half} more bins", *lines[-half:]]


def _values(dataset: Any, part: str) -> np.ndarray | None:
    held = getattr(dataset, part, None)
    return None if held is None else np.array(held.data, dtype=float).reshape(-1)


def _span(low: Any, high: Any) -> str:
    return f"{low.value:.4g} to {high:.4g}"
