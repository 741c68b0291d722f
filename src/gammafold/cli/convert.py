"""``gammafold convert``: spectra from OGIP files to datasets in FITS files, and back."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import make_folder, output_option, read_spectra, say, spectra_argument
from gammafold.utils.errors import InputError

__all__ = ["command"]


@click.command("convert")
@spectra_argument
@click.option("--to", "layout", type=click.Choice(["gadf", "ogip", "ogip-sherpa"]), default=None,
              help="Layout to write. [default: the other one]")  # fmt: skip
@output_option("gammafold-convert", "Folder for the converted spectra.")
def command(pha: tuple[Path, ...], layout: str | None, output: Path, overwrite: bool) -> None:
    """Convert spectra between OGIP files and datasets in FITS files.

    OGIP is PHA, background, ARF and RMF; "ogip-sherpa" counts channels from 1. "gadf" is gammapy's layout: one FITS
    file for each spectrum, and datasets.yaml, which lists them; either may be given as PHA.

    \b
    Examples:
      gammafold convert pha_obs*.fits
      gammafold convert pha_obs23523.fits --to ogip-sherpa --output sherpa
    """
    from gammafold.report.fit import data_table
    from gammafold.report.spectra import file_format, write_spectra

    found = {"ogip" if file_format(path) == "ogip" else "gadf" for path in pha}
    if layout is None and len(found) > 1:
        raise InputError("the files are of both layouts: say with --to which one to write")
    target = layout or ("gadf" if found == {"ogip"} else "ogip")
    make_folder(output)
    datasets = read_spectra(pha)
    written = write_spectra(datasets, target, output, overwrite)
    say(data_table(datasets), *(f"wrote {path}" for path in written))
