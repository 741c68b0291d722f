"""`FluxPointsDataset`: flux points that spectral models are fitted to, alone or together with spectra."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from gammafold.datasets.core import Dataset
from gammafold.datasets.fingerprint import Watch
from gammafold.datasets.flux_points import dataset_plot as plots
from gammafold.datasets.flux_points.files import read_points_table, write_points_table
from gammafold.datasets.flux_points.points import FluxPoints
from gammafold.datasets.flux_points.statistics import STAT_TYPES, points_statistic, valid_points
from gammafold.datasets.folding import split_models, time_factor
from gammafold.likelihood.spec import DatasetSpec, SignalTerm
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError
from gammafold.utils.names import make_name

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.data.gti import GTI
    from gammafold.modeling.parameter import Parameter

__all__ = ["FluxPointsDataset"]

# Width in ln E of the bin over which a flux is averaged in the place of the flux at its centre: the difference is
# 1e-11 for a power law of index 5.
_NARROW = 1e-5


class FluxPointsDataset(Dataset):
    """Flux points with models of the source.

    What is compared is the differential flux at the reference energies.

    Parameters
    ----------
    models : Models, list of models or a model, optional
        Models; the spectra of those that apply are summed.
    data : FluxPoints
        Points on an axis of energy.
    mask_fit, mask_safe : bool array or RegionNDMap, shape (n, 1, 1) or (n,), optional
        Points to fit, and points that can be trusted. Default: all that the statistic can use.
    name : str, optional
        Default: a random string of eight characters.
    meta_table : Table, optional
        Kept.
    stat_type : {"chi2", "distrib", "profile"}
        Statistic, see `gammafold.datasets.flux_points.statistics`. Default: "chi2".

    Raises
    ------
    InputTypeError, InputError
        If the data are no flux points on energy alone, a mask has another shape, or the points lack what the
        statistic needs.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from gammafold.modeling import Fit
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> unit = u.Unit("cm-2 s-1 TeV-1")
    >>> table = Table({"e_ref": [1, 3, 9] * u.TeV, "dnde": [1e-11, 1.1e-12, 1.2e-13] * unit})
    >>> table["dnde_err"] = 0.1 * table["dnde"]
    >>> points = FluxPoints.from_table(table, sed_type="dnde")
    >>> dataset = FluxPointsDataset(SkyModel(PowerLawSpectralModel(), name="source"), points)
    >>> result = Fit().run([dataset])
    >>> print(f"{result.values[0]:.3f} {result.values[1]:.2e}")
    2.013 1.00e-11
    """

    tag = "FluxPointsDataset"

    def __init__(
        self,
        models: Any = None,
        data: FluxPoints | None = None,
        mask_fit: Any = None,
        mask_safe: Any = None,
        name: str | None = None,
        meta_table: Table | None = None,
        stat_type: str = "chi2",
    ) -> None:
        super().__init__(name=name, models=models)
        if not isinstance(data, FluxPoints):
            raise InputTypeError(f"data of dataset {self.name!r} are {data!r}: expected FluxPoints")
        if data.axes.names != ["energy"]:
            raise InputError(
                f"flux points of dataset {self.name!r} have the axes {data.axes.names}: expected energy alone, as "
                "from iter_by_axis"
            )
        self.data = data
        self.meta_table = meta_table
        self.stat_type = stat_type
        self.mask_fit = mask_fit
        self.mask_safe = mask_safe

    # -- data and masks

    @property
    def stat_type(self) -> str:
        """Statistic: "chi2", "distrib" or "profile"."""
        return self._stat_type

    @stat_type.setter
    def stat_type(self, stat_type: str) -> None:
        if stat_type not in STAT_TYPES:
            raise InputError(
                f"stat_type of dataset {self._name!r} is {stat_type!r}: expected one of {list(STAT_TYPES)}"
            )
        valid_points(self.data, stat_type)
        self._stat_type = stat_type

    @property
    def available_stat_type(self) -> list[str]:
        """Names of the statistics."""
        return list(STAT_TYPES)

    @property
    def mask_fit(self) -> RegionNDMap | None:
        """Points to fit; None means all."""
        return self._mask_fit

    @mask_fit.setter
    def mask_fit(self, mask: Any) -> None:
        self._mask_fit = self._checked_mask(mask, "mask_fit")

    @property
    def mask_safe(self) -> RegionNDMap | None:
        """Points that can be trusted; None means all."""
        return self._mask_safe

    @mask_safe.setter
    def mask_safe(self, mask: Any) -> None:
        self._mask_safe = self._checked_mask(mask, "mask_safe")

    def _checked_mask(self, mask: Any, name: str) -> RegionNDMap | None:
        if mask is None:
            return None
        values = np.asarray(getattr(mask, "data", mask))
        if values.dtype != bool or values.size != np.prod(self.data_shape):
            raise InputError(
                f"{name} of dataset {self.name!r} has the shape {values.shape} and the type {values.dtype}: expected "
                f"booleans of the shape {self.data_shape}"
            )
        return RegionNDMap(self.data.geom, data=values.reshape(self.data_shape).copy())

    @property
    def mask_valid(self) -> RegionNDMap:
        """Points that the statistic can use."""
        valid = valid_points(self.data, self.stat_type)
        return RegionNDMap(self.data.geom, data=valid.reshape(self.data_shape))

    @property
    def mask(self) -> RegionNDMap:
        """Points that enter the statistic."""
        masks = [self.mask_valid, self.mask_safe, self.mask_fit]
        data = np.logical_and.reduce([mask.data for mask in masks if mask is not None])
        return RegionNDMap(self.data.geom, data=data)

    def selected_bins(self) -> NDArray[np.bool_]:
        """Return which points enter the statistic, shape ``(n,)``."""
        return np.asarray(self.mask.data.reshape(-1), dtype=bool)

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of the points, ``(n, 1, 1)``."""
        return tuple(self.data.geom.data_shape)

    @property
    def gti(self) -> GTI | None:
        """Good time intervals of the points."""
        return self.data.gti

    @property
    def energy_range(self) -> u.Quantity:
        """Lowest and highest energy of the points that can be trusted, shape ``(2,)``; NaN if none can."""
        points = self.data
        safe = np.ones(points.energy_axis.nbin, bool) if self._mask_safe is None else self._mask_safe.data.reshape(-1)
        if not safe.any():
            return u.Quantity([np.nan, np.nan], points.energy_axis.unit)
        low, high = (
            (points.energy_min, points.energy_max) if points.has_energy_bins else (points.energy_ref, points.energy_ref)
        )
        return u.Quantity([low[safe].min(), high[safe].max()])

    def info_dict(self, in_safe_data_range: bool = True) -> dict[str, Any]:
        """Return a summary; points have no counts, live time or exposure of their own.

        Parameters
        ----------
        in_safe_data_range : bool
            Accepted as for spectra; nothing is summed over energy here.

        Returns
        -------
        info : dict
            ``name``, ``n_bins`` (points), ``n_fit_bins`` (points in the statistic), ``stat_type`` and ``stat_sum``,
            which is NaN without models.
        """
        return {
            "name": self.name,
            "n_bins": self.data.energy_axis.nbin,
            "n_fit_bins": int(self.selected_bins().sum()),
            "stat_type": self.stat_type,
            "stat_sum": np.nan if self.models is None else self.stat_sum(),
        }

    @property
    def all_models(self) -> Sequence[Any]:
        """Models that were set, those that apply to other datasets included."""
        return () if self._models is None else self._models

    # -- the door

    def to_spec(
        self,
        models: Sequence[Any],
        position: Callable[[Iterable[Parameter]], tuple[int, ...]],
        flux: Callable[..., Any],
        masked: bool,
    ) -> DatasetSpec:
        """Return the arrays of this dataset as the engine takes them: see `Dataset.to_spec`."""
        keep = self.selected_bins() if masked else np.ones(self.data.energy_axis.nbin, dtype=bool)
        edges, response = _at_energies(self.data.energy_ref.to_value("TeV")[keep])
        terms = [
            SignalTerm(
                flux=flux(model.spectral_model),
                index=position(model.spectral_model.parameters),
                factor=time_factor(self, model, position),
            )
            for model in split_models(models)[0]
        ]
        statistic = points_statistic(self.data, self.stat_type, keep) if masked else None
        return DatasetSpec(self.name, edges, response, statistic, tuple(terms))

    def watches(self) -> list[Watch]:
        """Return what `to_spec` reads of this dataset, models excluded."""
        held = [self.data.quantity(name).data for name in self.data.available_quantities]
        arrays = [mask.data for mask in (self._mask_fit, self._mask_safe) if mask is not None]
        own = Watch(self, ["data", "_mask_fit", "_mask_safe", "_models"], ["_stat_type"], arrays)
        return [own, Watch(self.data, ["_maps", "_reference_model"], ["n_sigma_ul"], held)]

    # -- predictions and statistic

    def flux_pred(self) -> u.Quantity:
        """Return the differential flux of the models at the reference energies, shape ``(n, 1, 1)``."""
        plan = self._cache.plan([self], masked=False)
        flux = np.asarray(plan.npred(self._cache.theta())[self.name], dtype=float)
        return u.Quantity(flux.reshape(self.data_shape), "cm-2 s-1 TeV-1")

    def stat_array(self) -> np.ndarray:
        """Return the statistic of each point, shape ``(n, 1, 1)``; NaN for points that it cannot use."""
        valid = self.mask_valid.data.reshape(-1)
        kernel = points_statistic(self.data, self.stat_type, valid)
        values = np.full(valid.size, np.nan)
        values[valid] = kernel.per_bin(self.flux_pred().value.reshape(-1)[valid])
        return values.reshape(self.data_shape)

    def residuals(self, method: str = "diff") -> u.Quantity:
        """Return the difference of points and prediction, shape ``(n, 1, 1)``; NaN for upper limits.

        Parameters
        ----------
        method : {"diff", "diff/model", "diff/sqrt(model)"}
            Flux minus prediction, or that divided by the prediction or by its root. Default: "diff".

        Raises
        ------
        InputError
            If there is no such method.
        """
        model = self.flux_pred()
        divisors = {"diff": 1.0, "diff/model": model, "diff/sqrt(model)": np.sqrt(model)}
        if method not in divisors:
            raise InputError(f"residuals method is {method!r}: expected one of {list(divisors)}")
        difference = np.where(self.data.is_ul.data, np.nan, self.data.dnde.quantity - model)
        return difference / divisors[method]

    # -- copies, files and plots

    def copy(self, name: str | None = None) -> FluxPointsDataset:
        """Return a deep copy, models included, under a new name."""
        new = copy.deepcopy(self)
        new._name = make_name(name)
        return new

    def write(self, filename: str | os.PathLike[str], overwrite: bool = False, checksum: bool = False) -> None:
        """Write points and masks to a table in FITS or ECSV, by the file's ending; models are not written."""
        table = self.data.to_table()
        # Masks have the shape of maps, as readers of the field expect.
        everything = np.ones(self.data_shape, dtype=bool)
        for name, mask in (("mask_fit", self.mask_fit), ("mask_safe", self.mask_safe)):
            table[name] = everything if mask is None else mask.data
        write_points_table(table, self.gti, filename, overwrite, checksum)

    @classmethod
    def read(
        cls,
        filename: str | os.PathLike[str],
        name: str | None = None,
        lazy: bool = False,
        cache: bool = True,
        checksum: bool = False,
    ) -> FluxPointsDataset:
        """Read points, and masks if there are any, from FITS or ECSV; ``lazy`` and ``cache`` change nothing."""
        table, gti = read_points_table(filename, checksum)
        fit, safe = (
            np.array(table[mask], bool) if mask in table.colnames else None for mask in ("mask_fit", "mask_safe")
        )
        try:
            return cls(data=FluxPoints.from_table(table, gti=gti), mask_fit=fit, mask_safe=safe, name=name)
        except (InputError, KeyError) as error:
            raise FileFormatError(f"{os.fspath(filename)}: {error}") from error

    def to_dict(self, filename: str | os.PathLike[str] = "") -> dict[str, Any]:
        """Return name, type and file name, as an entry of a YAML file of datasets."""
        from gammafold.datasets.files_yaml import dataset_to_dict

        return {**dataset_to_dict(self, filename), "stat_type": self.stat_type}

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], lazy: bool = False, cache: bool = True, checksum: bool = False
    ) -> FluxPointsDataset:
        """Read the dataset that an entry of a YAML file describes."""
        from gammafold.datasets.files_yaml import dataset_from_dict

        dataset: FluxPointsDataset = dataset_from_dict(cls, data, lazy, cache, checksum)
        dataset.stat_type = data.get("stat_type", "chi2")
        return dataset

    def plot_spectrum(
        self, ax: Any = None, kwargs_fp: dict[str, Any] | None = None, kwargs_model: dict[str, Any] | None = None
    ) -> Any:
        """Plot points and models; see `gammafold.datasets.flux_points.dataset_plot.plot_spectrum`."""
        return plots.plot_spectrum(self, ax, kwargs_fp, kwargs_model)

    def plot_residuals(self, ax: Any = None, method: str = "diff", **kwargs: Any) -> Any:
        """Plot residuals; see `gammafold.datasets.flux_points.dataset_plot.plot_residuals`."""
        return plots.plot_residuals(self, ax, method, **kwargs)

    def plot_fit(
        self,
        ax_spectrum: Any = None,
        ax_residuals: Any = None,
        kwargs_spectrum: dict[str, Any] | None = None,
        kwargs_residuals: dict[str, Any] | None = None,
    ) -> tuple[Any, Any]:
        """Plot points, models and residuals; see `gammafold.datasets.flux_points.dataset_plot.plot_fit`."""
        return plots.plot_fit(self, ax_spectrum, ax_residuals, kwargs_spectrum, kwargs_residuals)

    def __str__(self) -> str:
        used, total = int(self.selected_bins().sum()), self.data.energy_axis.nbin
        lines = [f"FluxPointsDataset {self.name!r}", f"  {total} flux points, {used} in the statistic"]
        left_out = int((self.data.is_ul.data & ~self.mask_valid.data).sum())
        if left_out:
            lines.append(f"  {left_out} upper limits are left out: stat_type='distrib' or 'profile' uses them")
        lines.append(f"  statistic: {self.stat_type}")
        if self.models:
            lines.append(f"  models: {', '.join(self.models.names)}; statistic {self.stat_sum():.2f}")
        return "\n".join(lines)

    __repr__ = __str__


def _at_energies(energy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edges and response that turn integrals over bins into the flux at energies.

    Each energy has a narrow bin, with one over its width as response; the bins between them have none.
    """
    if not energy.size:
        return np.array([1.0, 2.0]), np.zeros((0, 1))
    edges = np.stack([energy * np.exp(-0.5 * _NARROW), energy * np.exp(0.5 * _NARROW)], axis=1)
    response = np.zeros((energy.size, 2 * energy.size - 1))
    response[np.arange(energy.size), 2 * np.arange(energy.size)] = 1.0 / (edges[:, 1] - edges[:, 0])
    return edges.reshape(-1), response
