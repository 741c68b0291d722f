"""``gammafold stack``: several spectra added up into one."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import make_folder, output_option, read_spectra, say, spectra_argument, working

__all__ = ["command"]


@click.command("stack")
@spectra_argument
@click.option("--name", default="stacked", show_default=True, help="Name of the stack, and of its files.")
@output_option(
    "gammafold-stack", "Folder for the stack (OGIP), the observations in it (ECSV, JSON) and a figure (PNG)."
)
def command(pha: tuple[Path, ...], name: str, output: Path, overwrite: bool) -> None:
    """Stack spectra inside their safe ranges, and write the stack as OGIP files.

    What the stack predicts for any model is the sum of what the spectra predict.

    \b
    Examples:
      gammafold stack pha_obs*.fits
      gammafold stack pha_obs23523.fits pha_obs23526.fits --name first-night
    """
    from gammafold.report.fit import data_table
    from gammafold.report.stack import require_file_name, stack_table, write_stack

    require_file_name(name)
    ogip = [f"pha_{name}{part}.fits" for part in ("", "_arf", "_rmf", "_bkg")]
    make_folder(output, [*ogip, *(f"{name}.{ending}" for ending in ("ecsv", "json", "png"))], overwrite)
    datasets = read_spectra(pha)
    with working("stacking"):
        stacked = datasets.stack_reduce(name=name)
        members = stack_table(datasets)
    say(data_table(datasets, "spectra"), data_table([stacked], "stack"))
    say(*(f"wrote {path}" for path in write_stack(stacked, members, output)))
