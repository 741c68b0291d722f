"""A coverage study: when do errors mean what they say?

Spectra of the Crab nebula are simulated through the response of one H.E.S.S. run, from tens of thousands of counts
to a dozen, with off regions of different sizes, and each is fitted. The table and the figure say how often the
intervals from the Fisher matrix and from the profile likelihood hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.ensemble import simulate_and_fit
from gammafold.utils.files import atomic_path

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.datasets import SpectrumDatasetOnOff

__all__ = ["SETTINGS", "Setting", "coverage_study", "make_dataset", "plot_coverage", "terminal_table", "write_coverage"]

# Slope of the spectrum of the background, that of cosmic rays.
_SLOPE = 2.7


@dataclass(frozen=True)
class Setting:
    """One truth: how long, how bright, and how well the background is measured.

    Attributes
    ----------
    exposure : float
        In units of the run's, of 28 minutes.
    source : float
        Flux, in units of the Crab nebula's.
    alpha : float
        Exposure to background of the on region over that of the off regions.
    """

    exposure: float
    source: float
    alpha: float


EXPOSURES = tuple(Setting(exposure, 1.0, 0.2) for exposure in (300.0, 30.0, 10.0, 3.0, 1.0, 0.3))
ALPHAS = tuple(Setting(2.0, 0.1, alpha) for alpha in (1.0, 1 / 3, 0.2, 0.1))
SETTINGS = EXPOSURES + ALPHAS


def make_dataset(setting: Setting) -> SpectrumDatasetOnOff:
    """Return the run with the expected counts of a setting as its data, and the model as its truth.

    The model is the log parabola of the Crab nebula by MAGIC (Aleksic et al. 2015, JHEAp 5, 30) with amplitude and
    index free. The background has a power law's shape, and as many counts as were measured.
    """
    from gammafold.datasets import SpectrumDatasetOnOff
    from gammafold.maps import RegionNDMap
    from gammafold.modeling.models import SkyModel, create_crab_spectral_model
    from gammafold.samples import sample_files

    run = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    edges = run.counts.geom.axes["energy"].edges.to_value("TeV")
    shape = -np.diff(edges ** (1.0 - _SLOPE))
    safe = run.mask.data.reshape(-1)
    measured = float(run.background.data.reshape(-1)[safe].sum())
    background = setting.exposure * measured * shape / shape[safe].sum()
    run.exposure.data *= setting.exposure
    spectral = create_crab_spectral_model("magic_lp")
    spectral.parameters["amplitude"].value *= setting.source
    spectral.parameters["beta"].frozen = True
    run.models = SkyModel(spectral, name="crab")
    signal = run.npred_signal().data.reshape(-1)

    def region(values: Any) -> RegionNDMap:
        return RegionNDMap(run.counts.geom, data=np.broadcast_to(values, signal.shape).reshape(run.counts.data.shape))

    run.acceptance, run.acceptance_off = region(1.0), region(1.0 / setting.alpha)
    run.counts, run.counts_off = region(signal + background), region(background / setting.alpha)
    return run


def coverage_study(
    n_sim: int = 20_000,
    seed: int = 1,
    settings: Sequence[Setting] = SETTINGS,
    client: Any = None,
    progress: bool = True,
) -> Table:
    """Simulate and fit every setting.

    Parameters
    ----------
    n_sim : int
        Realisations of each.
    seed : int
        Seed.
    settings : sequence of Setting
        Truths.
    client : `dask.distributed.Client`, optional
        Compute on its cluster.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    table : `~astropy.table.Table`
        For each setting and parameter: "exposure", "source", "alpha", expected "signal" and "off" counts (of all
        bins), "parameter", "bias" in units of the scatter and its error, and "fisher_68", "profile_68", "fisher_95",
        "profile_95" with a binomial "error" of 68 % intervals; "n" fits of "n_sim" entered.
    """
    from astropy.table import Table, vstack

    tables = []
    for setting in settings:
        dataset = make_dataset(setting)
        result = simulate_and_fit(dataset, n_sim, seed, client=client, progress=progress, profile="truth")
        mask: Any = dataset.mask
        safe = mask.data
        head = {
            "exposure": setting.exposure,
            "source": setting.source,
            "alpha": setting.alpha,
            "signal": _total(dataset.npred_signal(), safe),
            "off": _total(dataset.counts_off, safe),
        }
        tables.append(Table([{**head, **row} for row in _rows(result)]))
    return vstack(tables)


def _total(held: Any, bins: np.ndarray) -> float:
    return float(held.data[bins].sum())


def _rows(result: Any) -> list[dict[str, Any]]:
    errors, profile = result.coverage(), result.coverage(intervals="profile")
    rows = []
    for i, summary in enumerate(result.summary()):
        row = {
            "parameter": summary["parameter"],
            "bias": summary["bias"] / summary["scatter"],
            "bias_err": summary["bias_err"] / summary["scatter"],
        }
        for k, percent in enumerate((68, 95)):
            row[f"fisher_{percent}"] = errors["coverage"][2 * i + k]
            row[f"profile_{percent}"] = profile["coverage"][2 * i + k]
        rows.append({**row, "error": errors["error"][2 * i], "n": summary["n"], "n_sim": result.n_sim})
    return rows


def terminal_table(table: Table) -> Any:
    """Return the table of a study for the terminal."""
    from rich.table import Table as RichTable

    shown = RichTable(title=f"coverage of intervals, {table['n_sim'][0]} spectra of each kind")
    # F from the Fisher matrix, P from the profile likelihood; what else the study found is in its file.
    for column in ("counts", "1/α", "parameter", "bias/σ", "F 68", "P 68", "F 95", "P 95", "±"):
        shown.add_column(column, justify="left" if column == "parameter" else "right")
    for row in table:
        covered = (100 * row[name] for name in ("fisher_68", "profile_68", "fisher_95", "profile_95", "error"))
        shown.add_row(
            f"{row['signal']:.0f}",
            f"{1 / row['alpha']:.0f}",
            row["parameter"],
            f"{row['bias']:.3f}",
            *(f"{value:.1f}" for value in covered),
        )
    return shown


def plot_coverage(table: Table) -> Any:
    """Plot coverage against the number of counts, and against alpha for faint sources; return the figure."""
    import matplotlib.pyplot as plt

    parameters = list(dict.fromkeys(table["parameter"]))
    figure, axes = plt.subplots(
        2, len(parameters), figsize=(4.2 * len(parameters), 6.4), layout="constrained", squeeze=False
    )
    for column, name in enumerate(parameters):
        own = table[table["parameter"] == name]
        bright = own[own["source"] == 1.0]
        _plot_lines(axes[0, column], bright["signal"], bright, "")
        axes[0, column].set(xscale="log", xlabel="expected counts of the source", title=name)
        for source in sorted(set(own["source"]) - {1.0}):
            faint = own[own["source"] == source]
            _plot_lines(axes[1, column], 1.0 / faint["alpha"], faint, f", {100 * source:g} % Crab")
        axes[1, column].set(xlabel="size of the off regions, 1 / alpha")
    for ax in axes.ravel():
        for nominal in (0.6827, 0.9545):
            ax.axhline(nominal, color="k", lw=0.7)
    for row in axes:
        row[0].set_ylabel("coverage of 68 and 95 % intervals")
        row[0].legend(fontsize=7)
    return figure


def _plot_lines(ax: Any, x: Any, rows: Table, label: str) -> None:
    if len(rows) == 0:
        return
    for kind, color in (("fisher", "C3"), ("profile", "C0")):
        for percent in (68, 95):
            ax.errorbar(
                x,
                rows[f"{kind}_{percent}"],
                rows["error"],
                color=color,
                marker="o",
                ms=4,
                ls="-" if percent == 68 else ":",
                label=f"{kind}{label}" if percent == 68 else None,
            )


def write_coverage(table: Table, folder: Path) -> list[Path]:
    """Write the table (ECSV) and the figure (PNG) of a study to a folder, and return their paths."""
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "coverage.ecsv", folder / "coverage.png"]
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].format = ".4g"
    with atomic_path(paths[0], overwrite=True) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)
    figure = plot_coverage(table)
    with atomic_path(paths[1], overwrite=True) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    plt.close(figure)
    return paths
