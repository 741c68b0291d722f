"""``gammafold demo``: the Crab nebula in one command, from the spectra that ship with the package."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("demo")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), default=Path("gammafold-demo"),
              show_default=True, help="Folder for models (YAML), figures (PNG) and results (JSON).")  # fmt: skip
def command(output: Path) -> None:
    """Fit four H.E.S.S. runs on the Crab nebula with a power law and a log parabola."""
    from gammafold.cli.fit import fit_spectra
    from gammafold.samples import sample_files

    fit_spectra(tuple(sample_files("crab-hess")), ("power-law", "log-parabola"), "1 TeV", None, None, output)
