"""Reproduce the joint fits of the Crab nebula of Nigro et al. 2019 (A&A 625, A10).

    python benchmarks/joint_crab.py [FOLDER] [--output DIR]

FOLDER holds the ``spectra`` and the ``published`` results of the open-gamma-ray-astro "joint-crab" release. Ten
observations of five instruments are fitted with a log parabola, not stacked: those of each instrument alone, all of
them jointly, and jointly with an energy scale of each instrument as a nuisance parameter with a gaussian prior,

    dN/dE = f(E / (1 + z)) / (1 + z),    z ~ N(0, 0.05) for Fermi-LAT and N(0, 0.15) for the others.

Printed, and written as JSON, are values and errors, and how far they are from the published ones, in published
errors. The figures show the spectra with their error bands, and the contours of 68 % joint coverage over the published
ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
import yaml

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.models import EnergyScaleModel, LogParabolaSpectralModel, Models, SkyModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gammafold.modeling import FitResult

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "joint-crab"

# Fitted energies in TeV, in whole bins, and the width of the prior of the energy scale.
INSTRUMENTS: Mapping[str, tuple[str, float, float, float]] = {
    "fermi": ("Fermi-LAT", 0.03, 2.0, 0.05),
    "magic": ("MAGIC", 0.08, 30.0, 0.15),
    "veritas": ("VERITAS", 0.15, 30.0, 0.15),
    "fact": ("FACT", 0.4, 30.0, 0.15),
    "hess": ("H.E.S.S.", 0.66, 30.0, 0.15),
}
FITS = (*INSTRUMENTS, "joint", "joint_systematics")
# The published curvature is per decimal logarithm, ours per natural logarithm.
LN10 = float(np.log(10.0))
# Rise of the statistic at 68.3 % joint coverage of two parameters: the square of this.
CONTOUR_SIGMA = 1.5152


@dataclass(frozen=True)
class Comparison:
    """One parameter of one fit, next to the published one."""

    fit: str
    parameter: str
    value: float
    error: float
    published: float
    published_error: float

    @property
    def shift(self) -> float:
        """Difference of the values, in published errors."""
        return (self.value - self.published) / self.published_error

    @property
    def error_ratio(self) -> float:
        """Error over the published error."""
        return self.error / self.published_error


def read_instrument(folder: Path, key: str) -> Datasets:
    """Read the observations of one instrument, to be fitted in its range."""
    _, low, high, _ = INSTRUMENTS[key]
    datasets = Datasets()
    for path in sorted((folder / "spectra" / key).glob("pha_*.fits")):
        dataset = SpectrumDatasetOnOff.read(path, name=f"{key}-{path.stem.removeprefix('pha_')}")
        dataset.mask_fit = dataset.counts.geom.energy_mask(low * u.TeV, high * u.TeV)
        datasets.append(dataset)
    return datasets


def log_parabola(amplitude: float = 4e-11, alpha: float = 2.5, beta: float = 0.25) -> SkyModel:
    """Return the model, with the curvature per decimal logarithm."""
    flux = u.Quantity(amplitude, "cm-2 s-1 TeV-1")
    return SkyModel(LogParabolaSpectralModel.from_log10(flux, "1 TeV", alpha=alpha, beta=beta), name="crab")


def energy_scales(members: Mapping[str, Datasets]) -> list[EnergyScaleModel]:
    """Return the energy scale of each instrument, shared by its observations."""
    return [
        EnergyScaleModel(datasets.names, sigma=INSTRUMENTS[key][3], name=f"z_{key}")
        for key, datasets in members.items()
    ]


def run_fits(folder: Path) -> dict[str, tuple[Datasets, FitResult]]:
    """Run all fits; the datasets stay at the minimum of theirs."""
    members = {key: read_instrument(folder, key) for key in INSTRUMENTS}
    everything = [dataset for datasets in members.values() for dataset in datasets]
    fits = {}
    for name in FITS:
        datasets = (members[name] if name in members else Datasets(everything)).copy()
        scales = energy_scales(members) if name == "joint_systematics" else []
        datasets.models = Models([log_parabola(), *scales])
        fits[name] = (datasets, Fit().run(datasets))
    return fits


def published_fit(folder: Path, name: str) -> dict[str, tuple[float, float]]:
    """Return value and error of each published parameter."""
    content = yaml.safe_load((folder / "published" / f"fit_{name}.yaml").read_text(encoding="utf-8"))
    return {entry["name"]: (entry["value"], entry["error"]) for entry in content["parameters"] if not entry["frozen"]}


def compare(folder: Path, fits: Mapping[str, tuple[Datasets, FitResult]]) -> list[Comparison]:
    """Return every fitted parameter next to the published one."""
    rows = []
    for name, (_, result) in fits.items():
        for parameter, (published, published_error) in published_fit(folder, name).items():
            own = f"{parameter}.z" if parameter.startswith("z_") else parameter
            factor = LN10 if parameter == "beta" else 1.0
            value, error = result[own]
            rows.append(Comparison(name, parameter, factor * value, factor * error, published, published_error))
    return rows


def print_table(rows: list[Comparison], fits: Mapping[str, tuple[Datasets, FitResult]]) -> None:
    """Print the comparison, and the statistics."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Nigro et al. 2019, reproduced (beta per decimal logarithm)")
    table.add_column("fit")
    table.add_column("parameter")
    for column in ("value", "published", "difference / error", "ratio of errors"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row.fit,
            row.parameter,
            f"{row.value:.5g} ± {row.error:.4g}",
            f"{row.published:.5g} ± {row.published_error:.4g}",
            f"{row.shift:+.4f}",
            f"{row.error_ratio:.4f}",
            end_section=row is rows[-1] or rows[rows.index(row) + 1].fit != row.fit,
        )
    console = Console(width=110)
    console.print(table)
    for name, (datasets, result) in fits.items():
        wstat = sum(datasets.likelihood().stat_per_dataset(result.values).values())
        console.print(f"{name}: {result.message}, wstat {wstat:.4f} in {result.n_data} bins")


def plot_spectra(folder: Path, fits: Mapping[str, tuple[Datasets, FitResult]]) -> Figure:
    """Draw the spectra with their bands of one error, over the published ones."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(13, 5.2), sharey=True, layout="constrained")
    power = {"energy_power": 2, "sed_type": "dnde"}
    for number, key in enumerate(INSTRUMENTS):
        label, low, high, _ = INSTRUMENTS[key]
        spectrum = fits[key][0].models["crab"].spectral_model
        spectrum.plot([low, high] * u.TeV, ax=axes[0], color=f"C{number}", label=label, **power)
        spectrum.plot_error([low, high] * u.TeV, ax=axes[0], facecolor=f"C{number}", alpha=0.25, **power)
    labels = {"joint": ("joint", "C3"), "joint_systematics": ("joint, with energy scales", "C0")}
    for name, (label, color) in labels.items():
        spectrum = fits[name][0].models["crab"].spectral_model
        spectrum.plot([0.03, 30] * u.TeV, ax=axes[1], color=color, label=label, **power)
        spectrum.plot_error([0.03, 30] * u.TeV, ax=axes[1], facecolor=color, alpha=0.25, **power)
    for ax, names in zip(axes, (tuple(INSTRUMENTS), tuple(labels)), strict=True):
        for i, name in enumerate(names):
            values = {parameter: value for parameter, (value, _) in published_fit(folder, name).items()}
            low, high = INSTRUMENTS[name][1:3] if name in INSTRUMENTS else (0.03, 30.0)
            published = log_parabola(values["amplitude"], values["alpha"], values["beta"]).spectral_model
            label = "published" if i == 0 else None
            published.plot([low, high] * u.TeV, ax=ax, color="k", linestyle=":", label=label, zorder=5, **power)
        ax.legend()
        ax.grid(alpha=0.3)
    # The bands of the smallest spectra reach down to zero.
    axes[0].set_ylim(2e-13, 3e-10)
    return figure


def plot_contours(folder: Path, fits: Mapping[str, tuple[Datasets, FitResult]]) -> Figure:
    """Draw the contours of 68.3 % joint coverage, over the published ones."""
    import matplotlib.pyplot as plt

    pairs = (("amplitude", "alpha"), ("amplitude", "beta"), ("alpha", "beta"))
    factors = {"amplitude": 1e11, "alpha": 1.0, "beta": LN10}
    labels = {
        "amplitude": r"$\phi_0$ / $10^{-11}$ cm$^{-2}$ s$^{-1}$ TeV$^{-1}$",
        "alpha": r"$\Gamma$",
        "beta": r"$\beta$ (per decimal logarithm)",
    }
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained")
    for number, (name, (datasets, result)) in enumerate(fits.items()):
        published = yaml.safe_load((folder / "published" / f"contours_{name}.yaml").read_text(encoding="utf-8"))
        for ax, (x, y) in zip(axes, pairs, strict=True):
            found = Fit().stat_contour(datasets, x, y, numpoints=60, sigma=CONTOUR_SIGMA)
            closed = [np.append(found[p], found[p][0]) * factors[p] for p in (x, y)]
            ax.plot(*closed, color=f"C{number}", label=INSTRUMENTS[name][0] if name in INSTRUMENTS else name)
            ax.plot(result[x][0] * factors[x], result[y][0] * factors[y], "+", color=f"C{number}")
            theirs = published[f"contour_{x}_{y}"]
            scale = {"amplitude": 1e11}
            points = [np.array(theirs[p]) * scale.get(p, 1.0) for p in (x, y)]
            ax.plot(*points, ".", color=f"C{number}", markersize=4)
            ax.set_xlabel(labels[x])
            ax.set_ylabel(labels[y])
    axes[0].plot([], [], "k.", label="published")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=8)
    return figure


def main() -> None:
    """Run the fits, print the table, and write JSON and figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA, help="the joint-crab data")
    parser.add_argument("--output", type=Path, default=Path("joint-crab-output"), help="where results are written")
    arguments = parser.parse_args()
    fits = run_fits(arguments.folder)
    rows = compare(arguments.folder, fits)
    print_table(rows, fits)
    arguments.output.mkdir(parents=True, exist_ok=True)
    content: list[dict[str, Any]] = [asdict(row) | {"shift": row.shift, "error_ratio": row.error_ratio} for row in rows]
    (arguments.output / "joint_crab.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for name, (_, result) in fits.items():
        result.write(arguments.output / f"fit_{name}.yaml", overwrite=True)
    plot_spectra(arguments.folder, fits).savefig(arguments.output / "spectra.png", dpi=110)
    plot_contours(arguments.folder, fits).savefig(arguments.output / "contours.png", dpi=110)
    print(f"written to {arguments.output}: joint_crab.json, spectra.png, contours.png and a YAML file for each fit")


if __name__ == "__main__":
    main()
