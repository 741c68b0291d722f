"""Light curves of fitted spectra: times, a table for the terminal, files and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.estimators.variability import compute_lightcurve_fvar, constant_chi2
from gammafold.report.files import plain_rows, write_figure, write_json
from gammafold.report.flux_points import LABELS, flux_text
from gammafold.report.text import fixed, make_table, unit_text

if TYPE_CHECKING:
    import astropy.units as u
    from rich.table import Table

    from gammafold.datasets import Datasets

__all__ = ["group_by_time", "light_curve_tables", "variability", "write_light_curve"]


def group_by_time(datasets: Datasets, length: u.Quantity) -> list[Any]:
    """Return intervals that hold all datasets: those that start within a length of the first share one.

    Parameters
    ----------
    datasets : Datasets
        With good time intervals.
    length : `~astropy.units.Quantity`
        Such as one day.

    Returns
    -------
    intervals : list of `~astropy.time.Time`
        Pairs of start and stop.
    """
    from astropy.time import Time

    spans = sorted(
        ((dataset.gti.time_start.min(), dataset.gti.time_stop.max()) for dataset in datasets), key=lambda span: span[0]
    )
    intervals: list[list[Any]] = []
    for start, stop in spans:
        if intervals and start - intervals[-1][0] < length:
            intervals[-1][1] = max(intervals[-1][1], stop)
        else:
            intervals.append([start, stop])
    return [Time(interval) for interval in intervals]


def light_curve_tables(points: Any, kind: str) -> list[Table]:
    """Return tables for the terminal: times with a flux or a limit for each bin of energy, and variability."""
    rows = points.to_table(sed_type=kind, format="lightcurve")
    time = points.axes["time"]
    unit = unit_text(points.energy_axis.unit)
    columns = {f"start ({time.time_min.scale.upper()})": "left", "hours": "right", f"energy ({unit})": "right"}
    flux = f"{LABELS[kind]} ({unit_text(rows[kind].unit)})"
    table = make_table("light curve", columns | {flux: "left", "√TS": "right"})
    for row, start, stop in zip(rows, time.time_min, time.time_max, strict=True):
        for k, (low, high) in enumerate(zip(points.energy_min.value, points.energy_max.value, strict=True)):
            cells = {name: row[name][k] for name in rows.colnames if np.ndim(row[name]) == 1}
            start.precision = 0
            times = (start.iso, f"{(stop - start).to_value('h'):.2f}") if k == 0 else ("", "")
            table.add_row(*times, f"{low:.3g} – {high:.3g}", flux_text(cells, kind), fixed(cells["sqrt_ts"], 1))
    return [table, _variability_table(points, kind)] if len(rows) > 1 else [table]


def variability(points: Any, kind: str) -> Any:
    """Return a table of tests for a constant flux: chi2 and the fractional excess variance, by bin of energy."""
    table = constant_chi2(points, kind)
    spread = compute_lightcurve_fvar(points, kind)
    table["fvar"], table["fvar_err"] = spread["fvar"], spread["fvar_err"]
    return table


def _variability_table(points: Any, kind: str) -> Table:
    unit = unit_text(points.energy_axis.unit)
    columns = (f"energy ({unit})", "chi2 / dof", "p-value", "fractional variability")
    table = make_table("is it constant?", dict.fromkeys(columns, "right"))
    for row in variability(points, kind):
        spread = f"{row['fvar']:.2f} ± {row['fvar_err']:.2f}" if np.isfinite(row["fvar"]) else "less than the errors"
        table.add_row(
            f"{row['min_energy']:.3g} – {row['max_energy']:.3g}",
            f"{row['chi2']:.1f} / {row['dof']}",
            f"{row['p_value']:.2g}",
            spread,
        )
    return table


def write_light_curve(points: Any, kind: str, title: str, folder: Path) -> list[Path]:
    """Write a light curve as FITS (norms), ECSV, JSON and PNG into a folder; return the paths."""
    import matplotlib.pyplot as plt

    fits, ecsv = folder / "light-curve.fits", folder / "light-curve.ecsv"
    points.write(fits, sed_type="likelihood", format="lightcurve", overwrite=True)
    points.write(ecsv, sed_type=kind, format="lightcurve", overwrite=True)
    content = {
        "sed_type": kind,
        "time_scale": points.axes["time"].time_min.scale,
        **plain_rows(points.to_table(sed_type=kind, format="lightcurve")),
        "variability": plain_rows(variability(points, kind)),
    }
    figure, ax = plt.subplots(figsize=(7, 4.2))
    points.plot(ax, sed_type=kind)
    ax.set_title(title)
    return [
        fits,
        ecsv,
        write_json(content, folder / "light-curve.json"),
        write_figure(figure, folder / "light-curve.png"),
    ]
