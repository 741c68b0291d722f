"""What several subcommands share: their options, reading spectra, choosing models, energy ranges, printing."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gammafold.utils.errors import ExistingFileError, InputError

if TYPE_CHECKING:
    import astropy.units as u
    from rich.table import Table

    from gammafold.datasets import Datasets
    from gammafold.modeling.models import SpectralModel

__all__ = [
    "MODELS",
    "energy_options",
    "energy_range",
    "folder_option",
    "is_models_file",
    "make_folder",
    "make_model",
    "output_option",
    "overwrite_option",
    "positive_energy",
    "progress",
    "read_spectra",
    "reference_energy",
    "reference_option",
    "require_new",
    "say",
    "spectra_argument",
    "working",
]

# Name on the command line -> class in gammafold.modeling.models.
MODELS: Mapping[str, str] = {
    "power-law": "PowerLawSpectralModel",
    "log-parabola": "LogParabolaSpectralModel",
    "exp-cutoff-power-law": "ExpCutoffPowerLawSpectralModel",
    "broken-power-law": "BrokenPowerLawSpectralModel",
    "smooth-broken-power-law": "SmoothBrokenPowerLawSpectralModel",
}

T = TypeVar("T")
Decorator = Callable[[Any], Any]

spectra_argument: Decorator = click.argument("pha", nargs=-1, required=True, type=click.Path(path_type=Path))
reference_option: Decorator = click.option(
    "--reference", default=None, help="Reference energy of the models. [default: 1 TeV, or 1 keV for X-ray spectra]"
)


overwrite_option: Decorator = click.option("--overwrite", is_flag=True, help="Replace existing files.")


def folder_option(default: str, text: str) -> Decorator:
    """Return the option for the folder of results."""
    kind = click.Path(path_type=Path, file_okay=False)
    return click.option("--output", "-o", type=kind, default=Path(default), show_default=True, help=text)


def output_option(default: str, text: str) -> Decorator:
    """Return the option for the folder of results, and the one for replacing what is there."""
    folder = folder_option(default, text)
    return lambda command: folder(overwrite_option(command))


def energy_options(command: Any) -> Any:
    """Add the options for the bins to fit."""
    low = click.option("--energy-min", default=None, help="Fit whole bins above this energy, such as '300 GeV'.")
    high = click.option("--energy-max", default=None, help="Fit whole bins below this energy.")
    single = click.option("--ungrouped", is_flag=True, help="Fit single channels, whatever GROUPING says.")
    text = "Fit bins that are partly between these energies too, as is usual for X-rays."
    partial = click.option("--partial-bins", is_flag=True, help=text)
    return low(high(partial(single(command))))


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterable[T]:
    """Show a progress bar on the terminal that is gone when the work is done; nothing for a single item."""
    from rich.console import Console
    from rich.progress import track

    sequence = list(items) if total is None else items
    count = total if total is not None else len(sequence)  # type: ignore[arg-type]
    console = Console(stderr=True)
    hidden = count < 2 or not console.is_terminal
    return track(sequence, label, total=count, console=console, transient=True, disable=hidden)


@contextmanager
def working(label: str) -> Iterator[None]:
    """Show on the terminal that work of unknown length goes on, until it is done."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(label):
        yield


def say(*what: Table | str) -> None:
    """Print tables, and lines of text as they are: a path is not broken in two."""
    from rich.console import Console

    # Names in brackets are names, not styles.
    console = Console(markup=False, highlight=False)
    for item in what:
        console.print(item, soft_wrap=isinstance(item, str))


def require_new(files: Iterable[Path], overwrite: bool) -> None:
    """Raise `ExistingFileError` if one of the files to be written exists, and is not to be replaced."""
    existing = [] if overwrite else [str(file) for file in files if file.exists()]
    if existing:
        raise ExistingFileError(", ".join(existing))


def make_folder(folder: Path, files: Iterable[str] = (), overwrite: bool = False) -> Path:
    """Make the folder of results before any work is done, so that none is lost.

    Raises
    ------
    InputError
        If it cannot be made.
    ExistingFileError
        If one of the files to be written exists, and is not to be replaced.
    """
    require_new((folder / name for name in files), overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error
    return folder


def read_spectra(paths: Sequence[Path], group: bool = True) -> Datasets:
    """Read PHA files with the responses and backgrounds they name, files of datasets, and lists of these.

    ``group`` says whether channels are put together as the flags GROUPING of PHA files say.
    """
    from gammafold.report.spectra import read_spectrum_files

    return read_spectrum_files(progress(paths, "reading"), group)


def positive_energy(text: str, option: str) -> u.Quantity:
    """Return an energy given on the command line, such as ``"300 GeV"``, in its own unit.

    Examples
    --------
    >>> positive_energy("300 GeV", "--energy-min")
    <Quantity 300. GeV>
    """
    import astropy.units as u

    from gammafold.utils.units import to_quantity

    energy = to_quantity(text, "TeV", option)
    if not energy.isscalar or not energy.value > 0:
        raise InputError(f"{option} is {text!r}: expected one positive energy such as '300 GeV'")
    return u.Quantity(text)


def reference_energy(text: str | None, datasets: Datasets | None = None) -> u.Quantity:
    """Return the reference energy given on the command line, or else one that suits the spectra.

    Spectra that end below 1 MeV are taken for X-ray spectra: a flux at 1 TeV would say nothing about them.
    """
    import astropy.units as u

    if text is not None:
        return positive_energy(text, "--reference")
    ends = [one.reco_energy_axis.edges[-1] for one in datasets or () if hasattr(one, "reco_energy_axis")]
    return 1 * u.keV if ends and all(end < 1 * u.MeV for end in ends) else 1 * u.TeV


def is_models_file(model: str) -> bool:
    """Return whether what was given as a model is the name of a YAML file.

    Examples
    --------
    >>> is_models_file("power-law"), is_models_file("crab.yaml")
    (False, True)
    """
    return model not in MODELS and Path(model).suffix in (".yaml", ".yml")


def make_model(name: str, reference: u.Quantity) -> SpectralModel:
    """Return a spectral model by its name on the command line, with its reference energy set.

    An amplitude is given per unit of that energy: an X-ray spectrum is read per keV.
    """
    import astropy.units as u

    from gammafold.modeling import models

    if name not in MODELS:
        raise InputError(f"no model {name!r}: there are {', '.join(MODELS)}")
    kind: type[SpectralModel] = getattr(models, MODELS[name])
    default, given = kind().parameters, {}
    if "reference" in default.names:
        given["reference"] = reference
    if "amplitude" in default.names:
        given["amplitude"] = default["amplitude"].quantity.to(u.Unit("cm-2 s-1") / reference.unit)
    return kind(**given)


def energy_range(
    datasets: Datasets, energy_min: str | None, energy_max: str | None, partial_bins: bool = False
) -> None:
    """Restrict the fit to bins between two energies such as ``"300 GeV"``: whole ones, or any part of which is."""
    low = None if energy_min is None else positive_energy(energy_min, "--energy-min")
    high = None if energy_max is None else positive_energy(energy_max, "--energy-max")
    if low is None and high is None:
        return
    if low is not None and high is not None and not low < high:
        raise InputError(f"--energy-min {energy_min} is not below --energy-max {energy_max}")
    for dataset in datasets:
        geom = dataset.counts.geom
        if not partial_bins:
            dataset.mask_fit = geom.energy_mask(energy_min=low, energy_max=high)
            continue
        # What is left without the bins that lie wholly below, and wholly above.
        outside = [] if low is None else [geom.energy_mask(energy_max=low)]
        outside += [] if high is None else [geom.energy_mask(energy_min=high)]
        dataset.mask_fit = ~functools.reduce(operator.or_, outside)
