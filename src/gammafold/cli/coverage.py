"""``gammafold coverage``: the coverage study of the documentation."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.cluster import cluster_of, workers_option
from gammafold.cli.options import make_folder, output_option, say

__all__ = ["command"]


@click.command("coverage")
@click.option("--number", "-n", type=click.IntRange(min=2), default=20_000, show_default=True,
              help="Spectra of each kind.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed.")
@workers_option
@output_option("gammafold-coverage", "Folder for the table (ECSV) and the figure (PNG).")
def command(number: int, seed: int, workers: int, output: Path, overwrite: bool) -> None:
    """Simulate the Crab nebula from bright to faint, and count how often intervals hold the truth.

    Intervals are those from the Fisher matrix and from the profile likelihood. This makes the table and the figure
    of the documentation; without options it takes some minutes.

    \b
    Examples:
      gammafold coverage -n 100 --output quick
      gammafold coverage -n 100 --seed 2 --workers 2
    """
    from gammafold.report.coverage import coverage_study, terminal_table, write_coverage

    make_folder(output, ("coverage.ecsv", "coverage.png"), overwrite)
    with cluster_of(workers) as client:
        table = coverage_study(number, seed, client=client)
    say(terminal_table(table))
    say(*(f"wrote {path}" for path in write_coverage(table, output)))
