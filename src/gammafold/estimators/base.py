"""What the estimators of fluxes share: their settings, and the way from estimates to maps."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.estimators.norm_estimates import check_selection
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling.fit import Fit
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import GammafoldWarning, InputError, UnitsError

__all__ = ["FluxEstimator", "estimate_maps"]

Array = NDArray[np.float64]

# Norms at which the statistic is scanned: enough for a limit of 5 sigma of a source seen at 3.
_NORM_VALUES = np.concatenate([np.linspace(-1.0, 3.0, 81), np.geomspace(3.2, 30.0, 20)])


class FluxEstimator:
    """Settings of estimators that find norms of a source bin by bin.

    Parameters
    ----------
    energy_edges : `~astropy.units.Quantity`
        Edges of the energy bins; they move to the nearest edges of the data.
    source : int or str
        The source, by position or name. Default: the first.
    n_sigma : float
        Significance of the errors. Default: 1.
    n_sigma_ul : float
        Significance of the upper limits. Default: 2.
    n_sigma_sensitivity : float
        Significance of the sensitivity. Default: 5.
    selection_optional : list of str, "all" or None
        What to estimate besides norm, error, TS and statistic: "errn-errp", "ul", "scan", "sensitivity".
    reoptimize : bool
        Whether the other free parameters are fitted again in every bin. Default: False.
    fit : Fit, optional
        The fit to do that with.
    norm : Parameter or dict, optional
        Gives the norms of the scan by its ``scan_values`` (or ``scan_min``, ``scan_max``, ``scan_n_values``).
    norm_values : array, optional
        Norms of the scan; default: those of ``norm``, else 101 from -1 to 30.
    null_value : float
        Norm of the null hypothesis of the test statistic. Default: 0.
    n_jobs, parallel_backend
        Accepted for scripts: all bins are one batch, and there is nothing to share out.

    Raises
    ------
    InputError, UnitsError
        If a setting cannot be used; the message names it.
    """

    tag = "FluxEstimator"

    def __init__(
        self,
        energy_edges: Any = None,
        source: int | str = 0,
        n_sigma: float = 1.0,
        n_sigma_ul: float = 2.0,
        n_sigma_sensitivity: float = 5.0,
        selection_optional: Any = None,
        reoptimize: bool = False,
        fit: Fit | None = None,
        norm: Any = None,
        norm_values: Any = None,
        null_value: float = 0.0,
        n_jobs: int | None = None,
        parallel_backend: str | None = None,
    ) -> None:
        self.energy_edges = check_edges(u.Quantity([1, 10], "TeV") if energy_edges is None else energy_edges)
        for name, value in (
            ("n_sigma", n_sigma),
            ("n_sigma_ul", n_sigma_ul),
            ("n_sigma_sensitivity", n_sigma_sensitivity),
        ):
            if not 0 < value < np.inf:
                raise InputError(f"{name} is {value}: expected a number above zero")
        self.source = source
        self.n_sigma, self.n_sigma_ul, self.n_sigma_sensitivity = n_sigma, n_sigma_ul, n_sigma_sensitivity
        self.selection_optional = check_selection(selection_optional)
        self.reoptimize = bool(reoptimize)
        self.fit = Fit() if fit is None else fit
        self.norm_values = _scan_values(norm, norm_values)
        self.null_value = float(null_value)

    @property
    def config_parameters(self) -> dict[str, Any]:
        """The settings, by name."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def copy(self) -> Any:
        """Return an estimator with the same settings."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    @property
    def meta(self) -> dict[str, Any]:
        """What flux points tell of how they were made."""
        return {
            "n_sigma": self.n_sigma,
            "n_sigma_ul": self.n_sigma_ul,
            "n_sigma_sensitivity": self.n_sigma_sensitivity,
            "sed_type_init": "likelihood",
        }

    def __repr__(self) -> str:
        lines = [f"  {name}: {value}" for name, value in self.config_parameters.items() if name != "norm_values"]
        return "\n".join([type(self).__name__, *lines])


def _scan_values(norm: Any, norm_values: Any) -> Array:
    """Return the norms of a scan in order."""
    if norm_values is None and norm is not None:
        parameter = Parameter(**{"name": "norm", "value": 1.0, **norm}) if isinstance(norm, Mapping) else norm
        norm_values = parameter.scan_values
        if norm_values is None:
            raise InputError("norm has no values to scan: set its scan_values, or scan_min and scan_max")
    values = _NORM_VALUES if norm_values is None else np.unique(np.asarray(norm_values, dtype=float))
    if values.size < 2 or not np.isfinite(values).all():
        raise InputError(f"the norms of the scan are {values}: expected at least two finite numbers")
    return values


def check_edges(edges: Any) -> u.Quantity:
    """Return energy edges after checking that they are increasing energies.

    Raises
    ------
    UnitsError
        If they are no energies.
    InputError
        If they do not increase, or there are fewer than two.
    """
    edges = u.Quantity(edges, dtype=float)
    if not edges.unit.is_equivalent("eV"):
        raise UnitsError(f"energy_edges are in {edges.unit.to_string()!r}: expected a unit like 'TeV'")
    if edges.ndim != 1 or edges.size < 2 or not (np.diff(edges.value) > 0).all() or not edges[0] > 0:
        raise InputError(f"energy_edges are {edges}: expected at least two increasing energies")
    return edges


def common_axis(datasets: Iterable[Any], energy_edges: u.Quantity) -> MapAxis:
    """Return the axis of flux points: the wanted edges moved to the nearest of the first dataset.

    Warns
    -----
    GammafoldWarning
        If edges move, or a wanted bin lies beyond the data or is narrower than theirs.

    Raises
    ------
    InputError
        If no bin of the data lies between the edges.
    """
    first = next(iter(datasets)).reco_energy_axis
    axis = first.resample(MapAxis.from_energy_edges(energy_edges, name=first.name))
    if axis.nbin < len(energy_edges) - 1:
        warnings.warn(
            f"{len(energy_edges) - 1 - axis.nbin} of {len(energy_edges) - 1} energy bins lie beyond the data, from "
            f"{first.edges[0]:.4g} to {first.edges[-1]:.4g}, or are narrower than its bins: they are left out",
            GammafoldWarning,
            stacklevel=3,
        )
    return axis


def estimate_maps(
    geom: RegionGeom, estimates: dict[str, Array], scan: Array | None = None, norm_values: Array | None = None
) -> dict[str, RegionNDMap]:
    """Return estimates as maps.

    Parameters
    ----------
    geom : RegionGeom
        Geometry with the axis "energy", and "time" for light curves.
    estimates : dict of str to array
        Values (G,) with the energy fastest.
    scan : array, shape (S, G), optional
        Statistic at the norms ``norm_values`` (S,).
    """
    maps = {}
    for name, values in estimates.items():
        dtype: Any = bool if values.dtype == bool else float
        maps[name] = RegionNDMap(geom, data=np.array(values, dtype=dtype).reshape(geom.data_shape))
    if scan is not None and norm_values is not None:
        axis = MapAxis.from_nodes(norm_values, name="norm", interp="lin")
        cube = geom.to_image().to_cube([axis, *geom.axes])
        by_group = np.array(scan.T)
        maps["stat_scan"] = RegionNDMap(cube, data=by_group.reshape(cube.data_shape))
    return maps
