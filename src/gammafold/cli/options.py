"""What several subcommands share: reading spectra, choosing models, energy ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    import astropy.units as u

    from gammafold.datasets import Datasets
    from gammafold.modeling.models import SpectralModel

__all__ = ["MODELS", "energy_range", "make_model", "progress", "read_spectra", "spectra_argument"]

# Name on the command line -> class in gammafold.modeling.models.
MODELS: Mapping[str, str] = {
    "power-law": "PowerLawSpectralModel",
    "log-parabola": "LogParabolaSpectralModel",
    "exp-cutoff-power-law": "ExpCutoffPowerLawSpectralModel",
    "broken-power-law": "BrokenPowerLawSpectralModel",
    "smooth-broken-power-law": "SmoothBrokenPowerLawSpectralModel",
}

T = TypeVar("T")

spectra_argument: Callable[[Any], Any] = click.argument("pha", nargs=-1, required=True, type=click.Path(path_type=Path))


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterable[T]:
    """Show a progress bar on stderr that is gone when the work is done; nothing for a single item."""
    from rich.console import Console
    from rich.progress import track

    sequence = list(items) if total is None else items
    count = total if total is not None else len(sequence)  # type: ignore[arg-type]
    return track(sequence, label, total=count, console=Console(stderr=True), transient=True, disable=count < 2)


def read_spectra(paths: Sequence[Path]) -> Datasets:
    """Read PHA files, with the responses and backgrounds they name, into datasets."""
    from gammafold.datasets import Datasets, SpectrumDatasetOnOff

    return Datasets([SpectrumDatasetOnOff.read(path) for path in progress(paths, "reading")])


def make_model(name: str, reference: u.Quantity) -> SpectralModel:
    """Return a spectral model by its name on the command line, with its reference energy set."""
    from gammafold.modeling import models

    if name not in MODELS:
        raise InputError(f"no model {name!r}: there are {', '.join(MODELS)}")
    model: SpectralModel = getattr(models, MODELS[name])()
    if "reference" in model.parameters.names:
        model.parameters["reference"].quantity = reference
    return model


def energy_range(datasets: Datasets, energy_min: str | None, energy_max: str | None) -> None:
    """Restrict the fit to whole bins between two energies such as ``"300 GeV"``."""
    if energy_min is None and energy_max is None:
        return
    from gammafold.utils.units import to_quantity

    low = None if energy_min is None else to_quantity(energy_min, "TeV", "--energy-min")
    high = None if energy_max is None else to_quantity(energy_max, "TeV", "--energy-max")
    for dataset in datasets:
        dataset.mask_fit = dataset.counts.geom.energy_mask(energy_min=low, energy_max=high)
