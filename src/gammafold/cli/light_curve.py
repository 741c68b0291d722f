"""``gammafold light-curve``: the flux of a source over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gammafold.cli.options import say, working
from gammafold.cli.sources import Analysis, analysis_options
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    import astropy.units as u

    from gammafold.datasets import Datasets

__all__ = ["command"]


@click.command("light-curve")
@analysis_options("flux", "gammafold-light-curve", "Folder for the light curve (FITS, ECSV, JSON) and a figure (PNG).")
@click.option("--times", type=click.Path(path_type=Path), default=None, metavar="TABLE",
              help="Table of OBS_ID, TSTART and TSTOP, for spectra whose files tell no times.")  # fmt: skip
@click.option("--every", default=None, metavar="DURATION",
              help="Put spectra that start within such a time into one interval, such as '1 d'. "
                   "[default: one interval for each spectrum]")  # fmt: skip
def command(analysis: Analysis, times: Path | None, every: str | None) -> None:
    """Fit a model to all spectra, and estimate the flux in intervals of time.

    \b
    Examples:
      gammafold light-curve pha_obs*.fits --times observations.ecsv
      gammafold light-curve pha_obs*.fits --times observations.ecsv --every "1 d"
    """
    from gammafold.estimators import LightCurveEstimator
    from gammafold.report.light_curve import group_by_time, light_curve_tables, write_light_curve

    length = None if every is None else _duration(every)
    datasets = analysis.read("light-curve")
    _require_times(datasets, times)
    source = analysis.fit(datasets)
    estimator = LightCurveEstimator(
        time_intervals=None if length is None else group_by_time(datasets, length),
        selection_optional=["errn-errp", "ul"],
        **analysis.settings(datasets, source, 1),
    )
    with working("estimating the light curve"):
        points = estimator.run(datasets)
    say(*light_curve_tables(points, analysis.sed_type))
    written = write_light_curve(points, analysis.sed_type, analysis.title(datasets, source), analysis.output)
    say(*(f"wrote {path}" for path in written))


def _duration(text: str) -> u.Quantity:
    from gammafold.utils.units import to_quantity

    length = to_quantity(text, "s", "--every")
    if not length.isscalar or not length.value > 0:
        raise InputError(f"--every is {text!r}: expected one positive time such as '1 d'")
    return length


def _require_times(datasets: Datasets, table: Path | None) -> None:
    """Take the good time intervals from a table, if one is given, and make sure that all spectra have some."""
    from gammafold.report.observation_times import read_observation_times, set_observation_times

    if table is not None:
        set_observation_times(datasets, read_observation_times(table), str(table))
    without = [dataset.name for dataset in datasets if dataset.gti is None or len(dataset.gti.table) == 0]
    if without:
        raise InputError(f"spectra {without} tell no times: give a table of OBS_ID, TSTART and TSTOP with --times")
