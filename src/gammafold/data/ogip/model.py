"""What an OGIP spectrum, its responses and its background are: plain arrays with their units stated.

Energies are in keV, areas in cm2 and times in s, whatever the file used (the unit of a column is read, never
assumed). Arrays are float64 unless they hold labels or flags. Nothing here knows files, maps or datasets.

Every object carries ``notes``: what the reader had to decide, in words, for reports to users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.utils.errors import InputError

__all__ = ["AncillaryResponse", "EnergyBounds", "Observation", "RawTable", "RedistributionMatrix", "Spectrum"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class RawTable:
    """A table extension that is carried along unread, such as good time intervals or a sky region.

    Attributes
    ----------
    name : str
        Name of the extension.
    columns : mapping of str to `~numpy.ndarray`
        The columns in native byte order, named as in the file.
    units : mapping of str to str
        Unit of the columns that have one.
    header : mapping of str
        Keywords that are not about the layout of the table.
    """

    name: str
    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class EnergyBounds:
    """Nominal energies of the channels (an ``EBOUNDS`` table).

    Attributes
    ----------
    channel : `~numpy.ndarray`
        Labels, int64, shape (n_channel,).
    energy_min, energy_max : `~numpy.ndarray`
        Bounds in keV, shape (n_channel,); descending where the instrument's channels are (gratings).
    """

    channel: Integers
    energy_min: Floats
    energy_max: Floats

    @property
    def is_descending(self) -> bool:
        """Whether energies fall with the channel number."""
        return self.energy_min.size > 1 and bool(self.energy_min[0] > self.energy_min[-1])

    def take(self, index: NDArray[Any] | slice) -> EnergyBounds:
        """Return the channels at ``index``."""
        return EnergyBounds(self.channel[index], self.energy_min[index], self.energy_max[index])


@dataclass(frozen=True, eq=False, slots=True)
class Spectrum:
    """Counts per channel (a ``SPECTRUM`` table), of a source or of a background.

    Attributes
    ----------
    channel : `~numpy.ndarray`
        Labels, int64, shape (n_channel,).
    counts : `~numpy.ndarray`
        Counts, shape (n_channel,); a file of rates has been multiplied by its exposure.
    exposure : float
        Exposure in s.
    poisson : bool
        Whether the counts are Poisson distributed; if not, ``counts_error`` holds their errors.
    counts_error : `~numpy.ndarray` or None
        Standard deviation of ``counts``, shape (n_channel,).
    sys_error : `~numpy.ndarray`
        Fractional systematic error, shape (n_channel,).
    quality : `~numpy.ndarray`
        OGIP flags, int16, shape (n_channel,): 0 good, 1, 2 and 5 bad, -1 unknown.
    grouping : `~numpy.ndarray` or None
        OGIP flags, int16, shape (n_channel,): 1 starts a bin, -1 continues it, 0 stands alone; None: no grouping.
    backscal, areascal : `~numpy.ndarray`
        Scale factors per channel, shape (n_channel,). Zero marks a channel without exposure. In gamma-ray files
        ``backscal`` is the acceptance.
    mask_fit : `~numpy.ndarray` or None
        Channels that the analyst chose to fit, bool, shape (n_channel,).
    ebounds : EnergyBounds or None
        Energies of the channels, where the PHA file itself holds them (gamma-ray files).
    gti, region : RawTable or None
        Good time intervals and sky region, unread.
    background_files : tuple of str
        Backgrounds named in the file (``BACKFILE``); empty for "none".
    response_file, ancillary_file : str or None
        Responses named in the file (``RESPFILE``, ``ANCRFILE``); None for "none".
    kind : str
        ``HDUCLAS2``: "TOTAL", "NET" (background already subtracted) or "BKG".
    is_rate : bool
        Whether the file held rates.
    detchans : int
        Number of channels of the detector.
    embedded_backgrounds : tuple of Spectrum
        Backgrounds that lie in the same table (``BACKGROUND_UP`` and ``BACKGROUND_DOWN`` of gratings).
    path : `~pathlib.Path` or None
        The file.
    extension : str
        Its extension.
    header : mapping of str
        The keywords of the extension that are not about the layout of the table.
    notes : tuple of str
        What was decided on reading.
    """

    channel: Integers
    counts: Floats
    exposure: float
    poisson: bool
    counts_error: Floats | None
    sys_error: Floats
    quality: NDArray[np.int16]
    grouping: NDArray[np.int16] | None
    backscal: Floats
    areascal: Floats
    mask_fit: NDArray[np.bool_] | None = None
    ebounds: EnergyBounds | None = None
    gti: RawTable | None = None
    region: RawTable | None = None
    background_files: tuple[str, ...] = ()
    response_file: str | None = None
    ancillary_file: str | None = None
    kind: str = "TOTAL"
    is_rate: bool = False
    detchans: int = 0
    embedded_backgrounds: tuple[Spectrum, ...] = ()
    path: Path | None = None
    extension: str = "SPECTRUM"
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_integral(self) -> bool:
        """Whether all counts are whole numbers, so that a Poisson statistic can be used whatever ``poisson`` says."""
        return bool(np.all(self.counts == np.rint(self.counts)))

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Channels of quality 0 whose scale factors are not zero, bool, shape (n_channel,)."""
        return (self.quality == 0) & (self.backscal > 0) & (self.areascal > 0)

    def take(self, index: NDArray[Any] | slice) -> Spectrum:
        """Return the channels at ``index`` (an array of positions, a boolean mask or a slice)."""
        changes: dict[str, Any] = {name: getattr(self, name)[index] for name in _PER_CHANNEL}
        for name in _PER_CHANNEL_OR_NONE:
            value = getattr(self, name)
            changes[name] = None if value is None else value[index]
        changes["ebounds"] = None if self.ebounds is None else self.ebounds.take(index)
        changes["embedded_backgrounds"] = tuple(one.take(index) for one in self.embedded_backgrounds)
        return replace(self, **changes)


_PER_CHANNEL = ("channel", "counts", "sys_error", "quality", "backscal", "areascal")
_PER_CHANNEL_OR_NONE = ("counts_error", "grouping", "mask_fit")


@dataclass(frozen=True, eq=False, slots=True)
class AncillaryResponse:
    """Effective area (a ``SPECRESP`` table).

    Attributes
    ----------
    energy_lo, energy_hi : `~numpy.ndarray`
        Bounds of the true energy bins in keV, shape (n_energy,).
    area : `~numpy.ndarray`
        Effective area in cm2, shape (n_energy,).
    path, extension, header, notes
        As for `Spectrum`.
    """

    energy_lo: Floats
    energy_hi: Floats
    area: Floats
    path: Path | None = None
    extension: str = "SPECRESP"
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class RedistributionMatrix:
    """Probability that a photon of some energy is counted in some channel (``MATRIX`` and ``EBOUNDS`` tables).

    Attributes
    ----------
    energy_lo, energy_hi : `~numpy.ndarray`
        Bounds of the true energy bins in keV, shape (n_energy,).
    matrix : `~numpy.ndarray`
        Shape (n_energy, n_channel); without unit, or in cm2 where ``contains_area``.
    ebounds : EnergyBounds
        Channels, shape (n_channel,).
    first_channel : int
        Label of the channel in the first column of ``matrix`` (the channel base).
    base_source : str
        How ``first_channel`` was found, in words.
    contains_area : bool
        Whether the effective area is multiplied in; no ancillary response belongs to such a matrix.
    area_source : str
        How ``contains_area`` was found, in words.
    path, extension, header, notes
        As for `Spectrum`.
    """

    energy_lo: Floats
    energy_hi: Floats
    matrix: Floats
    ebounds: EnergyBounds
    first_channel: int
    base_source: str = "given"
    contains_area: bool = False
    area_source: str = "given"
    path: Path | None = None
    extension: str = "MATRIX"
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def split_area(self) -> tuple[AncillaryResponse, RedistributionMatrix]:
        """Return area and redistribution of a matrix that contains both.

        The area is the sum of each row, so photons that leave the range of the channels are counted as area that
        is missing; the product, which alone matters for a fit, is the same.

        Raises
        ------
        InputError
            If the matrix does not contain the area.
        """
        if not self.contains_area:
            raise InputError(f"the matrix of {self.path} holds no effective area ({self.area_source})")
        area = self.matrix.sum(axis=1)
        unit = np.divide(self.matrix, area[:, None], out=np.zeros_like(self.matrix), where=area[:, None] > 0)
        arf = AncillaryResponse(self.energy_lo, self.energy_hi, area, self.path, self.extension, self.header)
        return arf, replace(self, matrix=unit, contains_area=False, area_source="divided out")

    def take_channels(self, index: NDArray[Any] | slice) -> RedistributionMatrix:
        """Return the matrix for the channels at ``index``."""
        ebounds = self.ebounds.take(index)
        first = int(ebounds.channel[0]) if ebounds.channel.size else self.first_channel
        return replace(self, matrix=self.matrix[:, index], ebounds=ebounds, first_channel=first)


@dataclass(frozen=True, eq=False, slots=True)
class Observation:
    """A spectrum with what belongs to it.

    Attributes
    ----------
    spectrum : Spectrum
        On counts.
    backgrounds : tuple of Spectrum
        Off counts, none, one or several, on the channels of ``spectrum``.
    arf : AncillaryResponse or None
        Effective area, on the energies of ``rmf`` where there is one.
    rmf : RedistributionMatrix or None
        Redistribution, on the channels of ``spectrum``.
    notes : tuple of str
        What was decided on reading, for all files.
    """

    spectrum: Spectrum
    backgrounds: tuple[Spectrum, ...] = ()
    arf: AncillaryResponse | None = None
    rmf: RedistributionMatrix | None = None
    notes: tuple[str, ...] = ()

    @property
    def background(self) -> Spectrum | None:
        """The first background, or None."""
        return self.backgrounds[0] if self.backgrounds else None

    @property
    def ebounds(self) -> EnergyBounds | None:
        """Energies of the channels: of the matrix, else of the PHA file, else None."""
        return self.spectrum.ebounds if self.rmf is None else self.rmf.ebounds

    def background_scale(self, number: int = 0) -> Floats:
        """Return the factor that turns off counts into expected background in the on spectrum.

        It is (exposure * backscal * areascal) of the source over the same of the background, per channel; zero
        where either side has no exposure (those channels are not `Spectrum.is_good`).

        Parameters
        ----------
        number : int
            Which background. Default is the first.

        Returns
        -------
        scale : `~numpy.ndarray`
            Shape (n_channel,).
        """
        on, off = self.spectrum, self.backgrounds[number]
        below = off.exposure * off.backscal * off.areascal
        above = on.exposure * on.backscal * on.areascal
        return np.divide(above, below, out=np.zeros_like(above), where=below > 0)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Channels that are good in the spectrum and in every background, bool, shape (n_channel,)."""
        good = self.spectrum.is_good
        for off in self.backgrounds:
            good = good & off.is_good
        return good

    def ascending(self) -> Observation:
        """Return the observation with its channels, and its true energies, in ascending order of energy."""
        result = self
        if self.ebounds is not None and self.ebounds.is_descending:
            result = replace(
                result,
                spectrum=_reversed(self.spectrum),
                backgrounds=tuple(_reversed(off) for off in self.backgrounds),
                rmf=None if self.rmf is None else self.rmf.take_channels(slice(None, None, -1)),
            )
        return replace(result, arf=_sorted_energies(result.arf), rmf=_sorted_energies(result.rmf))


def _reversed(spectrum: Spectrum) -> Spectrum:
    """Return the spectrum with its channels in the opposite order."""
    result = spectrum.take(slice(None, None, -1))
    if spectrum.grouping is None:
        return result
    # A bin that started at its first channel must start at what was its last one.
    last_of_bin = np.append(spectrum.grouping[1:] != -1, True)
    grouping = np.where(spectrum.grouping == 0, 0, np.where(last_of_bin, 1, -1)).astype(np.int16)
    return replace(result, grouping=grouping[::-1])


def _sorted_energies(response: Any) -> Any:
    """Return an ancillary response or a matrix (or None) with ascending true energies."""
    if response is None or response.energy_lo.size < 2 or response.energy_lo[0] < response.energy_lo[-1]:
        return response
    values = "area" if isinstance(response, AncillaryResponse) else "matrix"
    changes = {name: getattr(response, name)[::-1] for name in ("energy_lo", "energy_hi", values)}
    return replace(response, **changes)
