"""``gammafold group``: channels put together in bins, as flags in copies of the spectra."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import make_folder, overwrite_option, progress, require_new, say, spectra_argument
from gammafold.utils.errors import InputError

__all__ = ["command"]


@click.command("group")
@spectra_argument
@click.option("--min-counts", type=float, default=None, help="At least so many counts in a bin.")
@click.option("--min-off", type=float, default=None, help="At least so many off counts in a bin: right for wstat.")
@click.option("--min-snr", type=float, default=None, help="An excess of at least so many times its error.")
@click.option("--optimal", is_flag=True, help="The widest bins that lose no information (Kaastra & Bleeker 2016).")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Folder for the grouped spectra. [default: beside each spectrum]")  # fmt: skip
@overwrite_option
def command(
    pha: tuple[Path, ...],
    min_counts: float | None,
    min_off: float | None,
    min_snr: float | None,
    optimal: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Group the channels of spectra in bins, by one of four rules.

    NAME.fits stays as it is; NAME_grouped.fits has the same counts, and the flags GROUPING and QUALITY. Background
    and responses are named, not copied. A summary (JSON) and a figure (PNG) lie beside it.

    \b
    Examples:
      gammafold group pha_obs23523.fits --min-counts 10
      gammafold group pha_obs*.fits --min-off 5 --output grouped
      gammafold group pha_obs23523.fits --optimal
    """
    from gammafold.report.group import Rule, group_files, group_table, grouped_path

    rules = [
        Rule(name, value)
        for name, value in (("counts", min_counts), ("off", min_off), ("snr", min_snr))
        if value is not None
    ] + [Rule("optimal", 0.0)] * optimal
    if len(rules) != 1:
        raise InputError("give one rule: --min-counts, --min-off, --min-snr or --optimal")
    targets = [grouped_path(path, output) for path in pha]
    twice = sorted({str(path) for path, target in zip(pha, targets, strict=True) if targets.count(target) > 1})
    if twice:
        raise InputError(f"more than one spectrum would be written to one file: {', '.join(twice)}")
    require_new((target.with_suffix(end) for target in targets for end in (".fits", ".json", ".png")), overwrite)
    if output is not None:
        make_folder(output)
    grouped = [group_files(path, rules[0], output) for path in progress(pha, "grouping")]
    say(group_table(grouped))
    say(*(f"wrote {path}" for one in grouped for path in one.written))
