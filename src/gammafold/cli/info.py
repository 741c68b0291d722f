"""``gammafold info``: what is in a file, in words and a quick plot."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import folder_option, make_folder, say

__all__ = ["command"]


@click.command("info")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--plot/--no-plot", default=True, show_default=True, help="Whether to draw FILE.png.")
@folder_option(".", "Folder for the plots.")
def command(files: tuple[Path, ...], plot: bool, output: Path) -> None:
    """Say what is in FILES: spectra, responses, datasets, models, fits, flux points, ensembles.

    A quick plot of each is drawn anew, as FILE.png.

    \b
    Examples:
      gammafold info pha_obs23523.fits
      gammafold info arf_obs23523.fits rmf_obs23523.fits bkg_obs23523.fits --no-plot
    """
    from gammafold.report.describe import describe
    from gammafold.report.files import write_figure

    make_folder(output)
    for path in files:
        found = describe(path)
        say(str(path), f"  {found.kind}", "", *(part for part in found.parts if part))
        if plot and found.plot is not None:
            say(f"wrote {write_figure(found.plot(), output / f'{path.name}.png')}")
