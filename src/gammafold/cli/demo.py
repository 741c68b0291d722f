"""``gammafold demo``: the Crab nebula in one command, from the spectra that ship with the package."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import output_option

__all__ = ["command"]


@click.command("demo")
@output_option("gammafold-demo", "Folder for models (YAML), figures (PNG) and results (JSON).")
def command(output: Path, overwrite: bool) -> None:
    """Fit four H.E.S.S. runs on the Crab nebula with a power law and a log parabola.

    \b
    Examples:
      gammafold demo
      gammafold demo --output crab
    """
    from gammafold.cli.fit import fit_spectra
    from gammafold.samples import sample_files

    fit_spectra(tuple(sample_files("crab-hess")), ("power-law", "log-parabola"), output=output, overwrite=overwrite)
