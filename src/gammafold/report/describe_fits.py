"""FITS files described: spectra, responses, datasets, good time intervals, flux points, and what else there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gammafold.report.describe import Description
from gammafold.report.text import make_table
from gammafold.utils.errors import GammafoldError
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["explained", "fits_file"]


class Extension(NamedTuple):
    """What the header of an extension tells."""

    name: str
    classes: tuple[str, ...]
    content: str


def fits_file(path: Path) -> Description:
    """Describe a FITS file by the extensions that it has."""
    extensions = _extensions(path)
    names = {extension.name for extension in extensions}
    classes = {one for extension in extensions for one in extension.classes}
    if "SPECTRUM" in names | classes:
        return _background(path) if "BKG" in classes else _spectrum(path)
    if {"COUNTS", "COUNTS_BANDS"} <= names:
        return _dataset(path)
    if {"MATRIX", "SPECRESP MATRIX"} & names or "RSP_MATRIX" in classes:
        return _redistribution(path)
    if "SPECRESP" in names | classes:
        return _area(path)
    if "FLUXPOINTS" in names:
        from gammafold.report.describe_text import flux_points

        return flux_points(path)
    if {"REALISATIONS", "PARAMETERS"} <= names:
        return _ensemble(path)
    if "EVENTS" in names:
        return _events(path, extensions)
    if "GTI" in names:
        return _good_times(path)
    kind = "instrument response (DL3)" if "RESPONSE" in classes else "FITS file that gammafold does not know"
    return Description(kind, (_extension_table(extensions),))


def _extensions(path: Path) -> list[Extension]:
    with open_fits(path) as hdulist:
        found = []
        for hdu in hdulist:
            keywords = [str(hdu.header.get(f"HDUCLAS{number}", "")).strip().upper() for number in range(1, 5)]
            found.append(Extension(hdu.name.upper(), tuple(filter(None, keywords)), _content(hdu)))
        return found


def _content(hdu: Any) -> str:
    header = hdu.header
    if "TFIELDS" in header:
        return f"{header['NAXIS2']} rows, {header['TFIELDS']} columns"
    shape = [str(header[f"NAXIS{i}"]) for i in range(header["NAXIS"], 0, -1)]
    return f"array of {' × '.join(shape)}" if shape else "no data"


def _extension_table(extensions: list[Extension]) -> Table:
    table = make_table("extensions", dict.fromkeys(("name", "class", "content"), "left"))
    for extension in extensions:
        table.add_row(extension.name, " / ".join(extension.classes), extension.content)
    return table


def _lines(values: dict[str, Any]) -> str:
    width = max(len(name) for name in values)
    return "\n".join(f"  {name:<{width}} : {value}" for name, value in values.items())


def _unit(most: float) -> tuple[float, str]:
    """Return the unit, in keV, in which energies up to ``most`` keV are read well, and its name."""
    return (1e9, "TeV") if most >= 1e8 else (1e6, "GeV") if most >= 1e5 else (1.0, "keV")


def _energies(low: float, high: float) -> str:
    scale, unit = _unit(high)
    return f"{low / scale:.4g} to {high / scale:.4g} {unit}"


def _ensemble(path: Path) -> Description:
    from gammafold.ensemble import EnsembleResult
    from gammafold.report.simulate import ensemble_tables

    result = EnsembleResult.read(path)
    if not result.n_success:
        return Description("ensemble of simulated spectra", (f"  {len(result)} realisations, none converged",))
    return Description("ensemble of simulated spectra", tuple(ensemble_tables(result)), result.peek)


def _spectrum(path: Path) -> Description:
    from gammafold.data.ogip import read_pha
    from gammafold.datasets import SpectrumDatasetOnOff

    try:
        dataset = SpectrumDatasetOnOff.read(path)
    except GammafoldError as error:
        # The counts can be shown even where a companion is missing; a damaged spectrum is an error here too.
        return _channels(path, read_pha(path), f"  {error}")
    parts = {"background": dataset.counts_off, "exposure": dataset.exposure, "energy dispersion": dataset.edisp}
    there = " and ".join(", ".join(name for name, held in parts.items() if held is not None).rsplit(", ", 1))
    kind = f"OGIP spectrum (PHA) with {there}" if there else "OGIP spectrum (PHA)"
    return Description(kind, explained(dataset), lambda: _peek(dataset))


def explained(dataset: Any) -> tuple[str | Table, ...]:
    """Return what a dataset says of itself, but for its bins, which a plot shows."""
    explanation = dataset.explain()
    table = make_table(f"dataset {explanation.name}", {"what": "left", "is": "left"})
    for label, text in explanation.facts.items():
        table.add_row(label, text)
    parts: list[str | Table] = [table]
    for title, lines in (("suspicious", explanation.suspicious), ("decided on reading", explanation.notes)):
        if lines:
            parts.append(make_table("", {title: "left"}))
            for line in lines:
                parts[-1].add_row(line)  # type: ignore[union-attr]
    return tuple(parts)


def _peek(dataset: Any) -> Figure:
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(15, 4.2))
    dataset.peek(figure)
    return figure


def _background(path: Path) -> Description:
    from gammafold.data.ogip import read_pha

    return _channels(path, read_pha(path), "")


def _channels(path: Path, spectrum: Any, remark: str) -> Description:
    """Describe counts of channels, of which no dataset can be made."""
    values = {
        "Channels": f"{spectrum.counts.size}, from {spectrum.channel[0]} to {spectrum.channel[-1]}",
        "Good channels": f"{int(spectrum.is_good.sum())}",
        "Counts": f"{spectrum.counts.sum():g}",
        "Exposure": f"{spectrum.exposure:g} s",
        "Poisson": "yes" if spectrum.poisson else "no: errors are in the file",
    }

    def plot() -> Figure:
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 5))
        edges = np.append(spectrum.channel - 0.5, spectrum.channel[-1] + 0.5)
        ax.stairs(spectrum.counts, edges, color="black")
        ax.set(xlabel="Channel", ylabel="Counts", title=path.name)
        return figure

    kind = "background spectrum" if spectrum.kind == "BKG" else "spectrum, in channels only"
    return Description(f"OGIP {kind}", tuple(filter(None, (_lines(values), remark))), plot)


def _redistribution(path: Path) -> Description:
    from gammafold.data.ogip import read_rmf
    from gammafold.irf.edisp_kernel import EDispKernel

    rmf = read_rmf(path)
    rows = rmf.matrix.sum(axis=1)
    values = {
        "True energies": f"{rmf.energy_lo.size}, {_energies(rmf.energy_lo.min(), rmf.energy_hi.max())}",
        "Channels": f"{rmf.ebounds.energy_min.size}, the first is {rmf.first_channel} ({rmf.base_source})",
        "Their energies": _energies(rmf.ebounds.energy_min.min(), rmf.ebounds.energy_max.max()),
        "Area inside": f"{'yes' if rmf.contains_area else 'no'} ({rmf.area_source})",
        "Sum of a row": f"{rows.min():.4g} to {rows.max():.4g}" + (" cm2" if rmf.contains_area else ""),
    }

    def plot() -> Figure:
        figure: Figure = EDispKernel.read(path).peek()[0].figure
        return figure

    return Description("OGIP redistribution matrix (RMF)", (_lines(values),), None if rmf.contains_area else plot)


def _area(path: Path) -> Description:
    from gammafold.data.ogip import read_arf

    arf = read_arf(path)
    peak = int(np.argmax(arf.area))
    values = {
        "True energies": f"{arf.energy_lo.size}, {_energies(arf.energy_lo.min(), arf.energy_hi.max())}",
        "Largest area": f"{arf.area[peak]:.4g} cm2 at {_energies(arf.energy_lo[peak], arf.energy_hi[peak])}",
        "Bins without area": f"{int((arf.area == 0).sum())}",
    }

    def plot() -> Figure:
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 5))
        order = np.argsort(arf.energy_lo)
        scale, unit = _unit(arf.energy_hi.max())
        ax.stairs(arf.area[order], np.append(arf.energy_lo[order], arf.energy_hi.max()) / scale, color="C0")
        label = f"True energy [{unit}]"
        ax.set(xscale="log", yscale="log", xlabel=label, ylabel="Effective area [cm²]", title=path.name)
        return figure

    return Description("OGIP effective area (ARF)", (_lines(values),), plot)


def _dataset(path: Path) -> Description:
    from gammafold.report.spectra import read_spectrum_file

    (dataset,) = read_spectrum_file(path)
    return Description(f"dataset ({dataset.tag})", explained(dataset), lambda: _peek(dataset))


def _events(path: Path, extensions: list[Extension]) -> Description:
    """Describe a list of events (DL3): what the header tells, and a histogram of the energies."""
    from astropy.table import QTable

    with open_fits(path) as hdulist:
        header = hdulist["EVENTS"].header
        events = QTable.read(hdulist["EVENTS"])
    values = {"Events": str(len(events))}
    for name, keyword in (("Observation", "OBS_ID"), ("Object", "OBJECT"), ("Telescope", "TELESCOP")):
        if keyword in header:
            values[name] = str(header[keyword])
    if "LIVETIME" in header:
        values["Live time"] = f"{header['LIVETIME']:g} s"
    parts = (_lines(values), _extension_table(extensions))
    if "ENERGY" not in events.colnames or not (events["ENERGY"] > 0).any():
        return Description("event list (DL3)", parts)
    energy = events["ENERGY"]

    def plot() -> Figure:
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 5))
        positive = energy[energy > 0]
        edges = np.geomspace(positive.min().value, positive.max().value * (1 + 1e-9), 41)
        counts, _ = np.histogram(positive.value, edges)
        ax.stairs(counts, edges, color="black")
        ax.set(xscale="log", yscale="log", xlabel=f"Energy [{energy.unit}]", ylabel="Events per bin", title=path.name)
        return figure

    return Description("event list (DL3)", parts, plot)


def _good_times(path: Path) -> Description:
    from gammafold.data.gti import GTI

    gti = GTI.read(path)
    values = {"Intervals": str(len(gti.table)), "Sum": f"{gti.time_sum.to_value('h'):.4g} h"}
    if len(gti.table):
        values["First start"] = f"{gti.time_start.min().iso} ({gti.time_start.scale.upper()})"
        values["Last stop"] = f"{gti.time_stop.max().iso} ({gti.time_stop.scale.upper()})"
    return Description("good time intervals", (_lines(values),))
