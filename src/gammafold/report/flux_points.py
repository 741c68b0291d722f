"""Flux points of fitted spectra: bins chosen, a table for the terminal, files and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.report.files import plain_rows, write_figure, write_json
from gammafold.report.text import fixed, make_table, unit_text, with_error
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    import astropy.units as u
    from rich.table import Table

    from gammafold.datasets import Datasets

__all__ = ["fit_edges", "flux_points_table", "flux_text", "write_flux_points"]

LABELS = {"dnde": "dN/dE", "e2dnde": "E² dN/dE", "flux": "flux", "eflux": "energy flux"}


def fit_edges(datasets: Datasets, n_bins: int) -> u.Quantity:
    """Return edges of about equal steps in the logarithm of energy, over the bins inside the masks with an exposure.

    Parameters
    ----------
    datasets : Datasets
        The edges are some of those of the first.
    n_bins : int
        How many bins; fewer if the data have fewer.

    Returns
    -------
    edges : `~astropy.units.Quantity`, shape (n_bins + 1,)

    Raises
    ------
    InputError
        If no bin is inside the masks.
    """
    if n_bins < 1:
        raise InputError(f"{n_bins} bins of energy: expected one or more")
    axis = datasets[0].reco_energy_axis
    low, high = np.inf, 0.0
    for dataset in datasets:
        edges, inside = dataset.reco_energy_axis.edges, np.flatnonzero(dataset.selected_bins())
        first, last = _exposed(dataset)
        if inside.size:
            low = min(low, max(first, edges[inside[0]]).to_value(axis.unit))
            high = max(high, min(last, edges[inside[-1] + 1]).to_value(axis.unit))
    if not low < high:
        raise InputError(f"no bins in range in {list(datasets.names)}: check masks and energy limits")
    logs = np.log(axis.edges.value)
    wanted = np.linspace(np.log(low), np.log(high), n_bins + 1)
    nearest = np.unique(np.abs(logs[:, None] - wanted).argmin(axis=0))
    if nearest.size < 2:
        raise InputError(f"dataset {datasets[0].name!r} has no bin between {low:g} and {high:g} {axis.unit}")
    return axis.edges[nearest]


def _exposed(dataset: Any) -> u.Quantity:
    """Return the true energies (2,) between which there is an exposure: a flux elsewhere is the model's alone."""
    edges = dataset.exposure.geom.axes["energy_true"].edges
    seen = np.flatnonzero(dataset.exposure.data.reshape(-1) > 0)
    return edges[[seen[0], seen[-1] + 1]] if seen.size else edges[[0, -1]]


def flux_text(row: Any, kind: str) -> str:
    """Return the flux of a row of a table with its error, or its limit, without the unit.

    Parameters
    ----------
    row : mapping
        With ``kind``, ``kind + "_err"``, ``kind + "_ul"`` and "is_ul".
    kind : str
        Kind of flux.
    """
    value, error, limit = (float(row[f"{kind}{end}"]) for end in ("", "_err", "_ul"))
    if bool(row["is_ul"]) and np.isfinite(limit):
        return f"< {limit:.2g}"
    return with_error(value, error) if np.isfinite(value) else "–"


def flux_points_table(points: Any, kind: str) -> Table:
    """Return a table for the terminal: energies, flux or limit, significance and counts."""
    rows = points.to_table(sed_type=kind)
    flux = f"{LABELS[kind]} ({unit_text(rows[kind].unit)})"
    energy = f"energy ({unit_text(rows['e_min'].unit)})"
    table = make_table("flux points", {energy: "right", flux: "left", "√TS": "right", "counts": "right"})
    for row in rows:
        edges = f"{row['e_min']:.3g} – {row['e_max']:.3g}"
        table.add_row(edges, flux_text(row, kind), fixed(row["sqrt_ts"], 1), fixed(np.sum(row["counts"]), 0))
    return table


def write_flux_points(points: Any, kind: str, title: str, folder: Path) -> list[Path]:
    """Write flux points as FITS (norms and scans), ECSV, JSON and PNG into a folder; return the paths."""
    import matplotlib.pyplot as plt

    fits, ecsv = folder / "flux-points.fits", folder / "flux-points.ecsv"
    points.write(fits, sed_type="likelihood", overwrite=True)
    points.write(ecsv, sed_type=kind, overwrite=True)
    content = {
        "sed_type": kind,
        "n_sigma": points.n_sigma,
        "n_sigma_ul": points.n_sigma_ul,
        **plain_rows(points.to_table(sed_type=kind)),
    }
    figure, ax = plt.subplots(figsize=(7, 5))
    _plot_model(points, kind, ax)
    points.plot(ax, sed_type=kind, color="black", label="flux points")
    ax.set_title(title)
    # Room for the legend, which would cover error bars.
    ax.margins(y=0.25)
    ax.legend(frameon=False)
    return [
        fits,
        ecsv,
        write_json(content, folder / "flux-points.json"),
        write_figure(figure, folder / "flux-points.png"),
    ]


def _plot_model(points: Any, kind: str, ax: Any) -> None:
    """Draw the model between the first and the last edge, and its error band where the errors are known."""
    spectral = points.reference_spectral_model
    bounds = points.energy_axis.edges[[0, -1]]
    if kind in ("flux", "eflux"):
        # An integral depends on the bins: those of the points.
        ax.stairs(points.reference(kind).value, points.energy_axis.edges.value, color="C1", label="model")
        return
    spectral.plot(bounds, ax, sed_type=kind, color="C1", label="model")
    if any(parameter.error > 0 for parameter in spectral.parameters):
        spectral.plot_error(bounds, ax, sed_type=kind, color="C1")
