"""Ensembles for the command line: what to simulate, a table of what came out, and files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammafold.modeling.fit import Fit
from gammafold.modeling.models.collection import Models
from gammafold.report.spectra import LIST_ENDINGS, read_spectrum_files
from gammafold.utils.errors import FileFormatError, FitError, InputError
from gammafold.utils.files import atomic_path, read_yaml

if TYPE_CHECKING:
    from rich.table import Table

    from gammafold.datasets import Datasets
    from gammafold.ensemble import EnsembleResult

__all__ = ["ensemble_tables", "is_config", "read_config", "write_ensemble"]

_KEYS = {"datasets": list, "models": str, "fit": bool, "free": list, "background": str}


def is_config(path: Path) -> bool:
    """Return whether a file is what `read_config` reads, and not spectra: a YAML file, but for a list of datasets."""
    if path.suffix not in LIST_ENDINGS:
        return False
    content = read_yaml(path)
    listed = content.get("datasets") if isinstance(content, dict) else None
    return not (isinstance(listed, list) and listed and all(isinstance(entry, dict) for entry in listed))


def read_config(path: Path) -> tuple[Datasets, dict[str, Any]]:
    """Read what is to be simulated.

    A YAML file with these entries; paths are relative to its folder:

    ``datasets``
        List of PHA files, files of datasets, or lists of these as ``Datasets.write`` writes.
    ``models``
        File of models, as ``Models.write`` and ``gammafold fit`` write.
    ``fit``
        Whether the models are fitted to the datasets first, so that the best fit is the truth. Default: false.
    ``free``, ``background``
        As in `gammafold.ensemble.simulate_and_fit`.

    Returns
    -------
    datasets : Datasets
        With the models.
    options : dict
        The entries ``free`` and ``background``, as far as they are there.

    Raises
    ------
    FileFormatError
        If the file is no such list of entries; the message names the file and the entry.
    """
    config = _checked(read_yaml(path), path)
    folder = Path(path).parent
    named = [folder / str(name) for name in config["datasets"]]
    datasets = read_spectrum_files(named)
    datasets.models = Models.read(folder / config["models"])
    if config.get("fit", False):
        result = Fit(on_failure="report").run(datasets)
        if not result.success:
            raise FitError(f"{path}: the models cannot be fitted to the datasets: {result.message}")
    return datasets, {key: config[key] for key in ("free", "background") if key in config}


def _checked(config: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(config, dict):
        raise FileFormatError(f"{path}: expected entries {sorted(_KEYS)}")
    for key, value in config.items():
        if key not in _KEYS:
            raise FileFormatError(f"{path}: no entry {key!r} is known: there are {sorted(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise FileFormatError(f"{path}: entry {key!r} is {value!r}: expected a {_KEYS[key].__name__}")
    for key in ("datasets", "models"):
        if not config.get(key):
            raise FileFormatError(f"{path}: entry {key!r} is missing")
    return config


def ensemble_tables(result: EnsembleResult) -> list[Table]:
    """Tables for the terminal: how many fits there are, and how each parameter behaves."""
    from rich.table import Table

    table = Table(title=f"{len(result)} realisations, {result.n_success} converged, seed {result.seed}")
    # What fits a terminal; means, mean errors and units are in the summary that is written.
    for column in ("parameter", "truth", "bias/σ", "σ", "pull", "68 %", "95 %"):
        left = column == "parameter"
        table.add_column(column, justify="left" if left else "right", overflow="fold" if left else "ellipsis")
    for row in result.summary():
        table.add_row(
            str(row["parameter"]),
            f"{row['truth']:.4g}",
            f"{row['bias'] / row['scatter']:.3f}",
            f"{row['scatter']:.3g}",
            f"{row['pull_width']:.3f}",
            *(f"{100 * row[f'coverage_{c}']:.1f} ± {100 * row[f'coverage_{c}_err']:.1f}" for c in (68, 95)),
        )
    return [table]


def write_ensemble(result: EnsembleResult, folder: Path) -> list[Path]:
    """Write all fits (FITS), the summary (ECSV) and a figure (PNG) to a folder, and return their paths."""
    import matplotlib.pyplot as plt

    if not result.n_success:
        raise InputError("no fit converged: there is nothing to summarise")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("ensemble.fits", "summary.ecsv", "ensemble.png")]
    result.write(paths[0], overwrite=True)
    with atomic_path(paths[1], overwrite=True) as temporary:
        result.summary().write(temporary, format="ascii.ecsv", overwrite=True)
    figure = result.peek()
    with atomic_path(paths[2], overwrite=True) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    plt.close(figure)
    return paths
