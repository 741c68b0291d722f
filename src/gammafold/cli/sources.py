"""A source on the command line: what flux points and light curves have in common, from options to settings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gammafold.cli.options import (
    MODELS,
    energy_options,
    energy_range,
    is_models_file,
    make_folder,
    make_model,
    output_option,
    read_spectra,
    reference_energy,
    reference_option,
    spectra_argument,
)
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    import astropy.units as u

    from gammafold.datasets import Datasets

__all__ = ["Analysis", "analysis_options", "parse_edges"]

SED_TYPES = ("dnde", "e2dnde", "flux", "eflux")


@dataclass(frozen=True)
class Analysis:
    """The options that `analysis_options` adds, and what follows from them."""

    pha: tuple[Path, ...]
    model: str
    source: str | None
    reference: str | None
    sed_type: str
    energy_edges: str | None
    n_sigma: float
    n_sigma_ul: float
    reoptimize: bool
    energy_min: str | None
    energy_max: str | None
    partial_bins: bool
    ungrouped: bool
    output: Path
    overwrite: bool

    def read(self, name: str) -> Datasets:
        """Make the folder of results, with files called ``name``, and read the spectra with their ranges to fit."""
        if self.energy_edges is not None:
            parse_edges(self.energy_edges)  # bad ones are told before any work is done
        make_folder(self.output, (f"{name}.{ending}" for ending in ("fits", "ecsv", "json", "png")), self.overwrite)
        datasets = read_spectra(self.pha, group=not self.ungrouped)
        energy_range(datasets, self.energy_min, self.energy_max, self.partial_bins)
        return datasets

    def fit(self, datasets: Datasets) -> str:
        """Give datasets their models, fitted unless they come from a file, and return the name of the source.

        Raises
        ------
        InputError
            If there is no such model or source.
        click.ClickException
            If the fit does not converge: fluxes on top of it would mislead.
        """
        if is_models_file(self.model):
            return _models_of_file(datasets, Path(self.model), self.source)
        from gammafold.report.fit import fit_model

        if self.source is not None and self.source != self.model:
            raise InputError(
                f"--source is {self.source!r}: a fitted model has the name of the model, here {self.model!r}"
            )
        spectral = make_model(self.model, reference_energy(self.reference, datasets))
        result = fit_model(datasets, self.model, spectral)
        if not result.success:
            raise click.ClickException(f"the fit of {self.model} did not converge: {result.message}")
        datasets.models = result.models
        return self.model

    def settings(self, datasets: Datasets, source: str, n_bins: int) -> dict[str, Any]:
        """Return the settings of an estimator; ``n_bins`` of energy, where no edges were given."""
        from gammafold.report.flux_points import fit_edges

        edges = fit_edges(datasets, n_bins) if self.energy_edges is None else parse_edges(self.energy_edges)
        return {
            "energy_edges": edges,
            "source": source,
            "n_sigma": self.n_sigma,
            "n_sigma_ul": self.n_sigma_ul,
            "reoptimize": self.reoptimize,
        }

    def title(self, datasets: Datasets, source: str) -> str:
        """Return the title of a figure."""
        return f"{source}, {len(datasets)} spectra" if len(datasets) > 1 else f"{source}, {datasets[0].name}"


def analysis_options(sed_type: str, output: str, text: str) -> Callable[[Any], Any]:
    """Return a decorator that adds options to a command, which gets them as one `Analysis`.

    Parameters
    ----------
    sed_type : str
        Default kind of flux.
    output : str
        Default folder of results.
    text : str
        What is written to it.
    """
    names = ", ".join(MODELS)
    options = (
        spectra_argument,
        click.option("--model", "-m", default="power-law", show_default=True,
                     help=f"Spectral model to fit first ({names}), or a YAML file of models, taken as they are."),
        click.option("--source", default=None, help="Name of the source in a YAML file. [default: the first]"),
        reference_option,
        click.option("--sed-type", type=click.Choice(SED_TYPES), default=sed_type, show_default=True,
                     help="Kind of flux."),
        click.option("--energy-edges", default=None, metavar="LIST",
                     help="Edges of the bins of energy, such as '1 3 10 TeV'; they move to edges of the data."),
        click.option("--n-sigma", type=float, default=1.0, show_default=True, help="Significance of errors."),
        click.option("--n-sigma-ul", type=float, default=2.0, show_default=True, help="Significance of limits."),
        click.option("--reoptimize", is_flag=True, help="Fit the other free parameters again in every bin."),
        energy_options,
        output_option(output, text),
    )  # fmt: skip

    def decorate(command: Any) -> Any:
        @functools.wraps(command)
        def run(**given: Any) -> Any:
            analysis = Analysis(**{field.name: given.pop(field.name) for field in fields(Analysis)})
            return command(analysis, **given)

        # The first one is to be the first in the help.
        return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), run)

    return decorate


def parse_edges(text: str) -> u.Quantity:
    """Return edges of energy bins given as ``"1 3 10 TeV"`` or ``"1, 3, 10 TeV"``.

    Examples
    --------
    >>> parse_edges("300 500, 1000 GeV")
    <Quantity [ 300.,  500., 1000.] GeV>
    """
    import astropy.units as u

    words = text.replace(",", " ").split()
    unit = words.pop() if words else ""
    try:
        edges = u.Quantity([float(word) for word in words], unit)
        ordered = len(edges) > 1 and edges[0] > 0 * u.TeV and bool((edges[1:] > edges[:-1]).all())
    except (ValueError, TypeError, u.UnitConversionError):
        ordered = False
    if not ordered:
        raise InputError(f"--energy-edges is {text!r}: expected increasing energies and a unit, such as '1 3 10 TeV'")
    return edges


def _models_of_file(datasets: Datasets, path: Path, source: str | None) -> str:
    from gammafold.modeling.models import Models

    if not path.is_file():
        raise InputError(f"no such file: {path}")
    models = Models.read(path)
    datasets.models = models
    names = [one.name for one in models if hasattr(one, "spectral_model") and one.name]
    if not names or (source is not None and source not in names):
        raise InputError(f"{path} has no source {source or ''!r}: there are {names}")
    return names[0] if source is None else source
