"""Spectra on a grid of parameters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models.parameter_files import parameters_declared_by
from gammafold.modeling.models.spectral_compile import DNDE, compile_model, engine_factor
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.spectral_grid import GridTable, inside, interpolation_options
from gammafold.modeling.models.spectral_template import quantity_from_dict, quantity_to_dict
from gammafold.modeling.models.xp import namespace_of
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputError, UnitsError
from gammafold.utils.files import make_path
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_map import RegionNDMap

__all__ = ["TemplateNDSpectralModel"]

_ENERGY_NAMES = ("energy_true", "energy")
# What scripts of the field may say of the interpolation.
_INTERPOLATION = {"values_scale": ("log", "lin"), "extrapolate": (True,), "method": ("linear",), "fill_value": (None,)}


class TemplateNDSpectralModel(SpectralModel):
    """Fluxes on a grid of energy and of parameters, interpolated between its points.

    Each axis of the map besides energy is a parameter, free between the first and the last point of the axis, and
    first at its middle. Interpolation is linear in the scale of each axis and in the logarithm of the flux; in the
    flux itself if some are zero. In energy the last power laws continue beyond the ends.

    Parameters
    ----------
    map : `~gammafold.maps.region_map.RegionNDMap`
        Fluxes, or factors without unit, >= 0, at the centres of the axes.
    interp_kwargs : dict, optional
        ``values_scale="lin"`` interpolates the fluxes themselves. Default: "log" where all are above zero.
    meta : dict, optional
        Kept.
    filename : path-like, optional
        File of the map, which files of models name; without one they hold the values themselves.

    Examples
    --------
    >>> from gammafold.maps import MapAxis, RegionNDMap
    >>> energy = MapAxis.from_nodes([1, 10] * u.TeV, interp="log", name="energy_true")
    >>> index = MapAxis.from_nodes([2, 3], name="index")
    >>> fluxes = RegionNDMap.create(region=None, axes=[energy, index], unit="cm-2 s-1 TeV-1")
    >>> fluxes.data = 1e-12 * 10.0 ** -np.array([[0, 2], [0, 3]]).reshape(2, 2, 1, 1)
    >>> model = TemplateNDSpectralModel(fluxes)
    >>> model.index.value, model(10 * u.TeV).value.round(18)
    (2.5, np.float64(3.162e-15))
    """

    tag = ("TemplateNDSpectralModel", "templateND")

    def __init__(
        self,
        map: RegionNDMap,
        interp_kwargs: dict[str, Any] | None = None,
        meta: dict[str, Any] | None = None,
        filename: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        axes = list(map.geom.axes)
        self._declare([_parameter(axis) for axis in axes if axis.name not in _ENERGY_NAMES], kwargs)
        self.map = map
        self.interp_kwargs = interpolation_options(interp_kwargs, _INTERPOLATION, "the template")
        self.meta = dict(meta or {})
        self.filename = None if filename is None else str(filename)
        if sum(axis.name in _ENERGY_NAMES for axis in axes) != 1:
            raise InputError(f"the map has the axes {[axis.name for axis in axes]}: expected one of energy")
        if not (np.isfinite(map.data).all() and (map.data >= 0).all()):
            raise InputError("the map of the template holds values that are negative or not finite")
        if not (map.unit.is_equivalent(DNDE) or map.unit.is_equivalent("")):
            raise UnitsError(
                f"the map of the template is in {map.unit.to_string()!r}: expected a flux like {DNDE.to_string()!r}"
            )

    @property
    def is_norm_spectral_model(self) -> bool:  # type: ignore[override]
        """Whether the values are factors without unit."""
        return self.map.unit.is_equivalent("")

    @property
    def fixed_breaks(self) -> u.Quantity:
        """The energies of the grid."""
        return next(axis.center for axis in self.map.geom.axes if axis.name in _ENERGY_NAMES)

    @property
    def _unit(self) -> u.UnitBase:
        return self.map.unit

    def evaluate(self, energy: Any, *values: Any) -> u.Quantity:
        """Return the flux at energies, for parameters as quantities."""
        plain = [u.Quantity(value).to_value(p.unit) for value, p in zip(values, self.parameters, strict=True)]
        flux = self.compile().evaluate(to_quantity(energy, "TeV", "energy").to_value("TeV"), *plain)
        return u.Quantity(flux, self._engine_unit).to(self._unit)

    def compile(self) -> FluxFunction:
        """Return the grid as the engine takes it, as it is now.

        Raises
        ------
        InputError
            If a parameter lies beyond its axis.
        """
        self._check_values()
        axes = list(self.map.geom.axes)
        unit = "" if self.is_norm_spectral_model else DNDE
        values = u.Quantity(self.map.data.reshape(self.map.geom.data_shape[:-2]), self.map.unit).to_value(unit)
        logarithmic = self.interp_kwargs.get("values_scale", "log") == "log" and bool((values > 0).all())
        # The data stand slowest axis first.
        table = GridTable(
            [_scaled(np, axis.interp, _plain(axis)) for axis in reversed(axes)],
            np.log(values) if logarithmic else values,
        )
        grid = _Grid(axes, table, logarithmic)
        return compile_model(self, grid.flux, grid.derivatives)

    def _check_values(self) -> None:
        for axis in self.map.geom.axes:
            if axis.name not in _ENERGY_NAMES:
                parameter = getattr(self, axis.name)
                ends = axis.center[[0, -1]].to_value(parameter.unit)
                if not inside(np, ends[0], ends[1], parameter.value, True) > 0:
                    raise InputError(
                        f"parameter {axis.name!r} of the template is {parameter.quantity}: "
                        f"the grid has {ends[0]:g} to {ends[1]:g}"
                    )

    # -- files

    def write(self, overwrite: bool = False, filename: str | os.PathLike[str] | None = None) -> None:
        """Write the map as FITS, by default to the model's own file."""
        path = filename or self.filename
        if path is None:
            raise InputError("the template has no file name: pass one")
        self.map.write(make_path(path), overwrite=overwrite)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts, with its file or its values."""
        content = super().to_dict(full_output)
        spectral = content["spectral"]
        if self.filename is not None:
            spectral["filename"] = self.filename
        else:
            spectral["axes"] = [
                {"name": axis.name, "interp": axis.interp, **quantity_to_dict(axis.center)}
                for axis in self.map.geom.axes
            ]
            values = self.map.data.reshape(self.map.geom.data_shape[:-2])
            spectral["values"] = quantity_to_dict(u.Quantity(values, self.map.unit))
        spectral["unit"] = self.map.unit.to_string()
        if self.interp_kwargs:
            spectral["interp_kwargs"] = dict(self.interp_kwargs)
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> TemplateNDSpectralModel:
        """Return a model from `to_dict`; its file is read."""
        from gammafold.maps.region_map import RegionNDMap

        content = data.get("spectral", data)
        if "filename" in content:
            fluxes = RegionNDMap.read(make_path(content["filename"]))
        else:
            fluxes = _map_from_dict(content, cls.__name__)
        parameters: dict[str, Any] = {p.name: p for p in parameters_declared_by(content, cls.__name__)}
        axes = [axis.name for axis in fluxes.geom.axes]
        strange = [name for name in parameters if name not in axes]
        if strange:
            raise FileFormatError(f"{cls.__name__} has no parameter {strange}: its map has the axes {axes}")
        return cls(
            fluxes, interp_kwargs=content.get("interp_kwargs"), filename=content.get("filename"), **parameters, **kwargs
        )


class _Grid:
    """A grid of fluxes as functions of plain arrays: energies in TeV, and parameters in the order of the axes.

    Parameters
    ----------
    axes : list of MapAxis
        Axes of the map.
    table : GridTable
        Fluxes, or their logarithms, with the last axis first.
    logarithmic : bool
        Whether they are logarithms.
    """

    def __init__(self, axes: list[MapAxis], table: GridTable, logarithmic: bool) -> None:
        self._table, self._logarithmic = table, logarithmic
        self._interp = [axis.interp for axis in axes]
        self._energy = next(i for i, axis in enumerate(axes) if axis.name in _ENERGY_NAMES)
        self._ends = [_plain(axis)[[0, -1]] for axis in axes]

    def flux(self, energy: Any, *parameters: Any) -> Any:
        """Return the flux; NaN clearly beyond the axis of a parameter."""
        xp = namespace_of(energy, *parameters)
        places = self._in_order(energy, parameters)
        flux = self._table(*self._coordinates(xp, places))
        flux = xp.exp(flux) if self._logarithmic else xp.maximum(flux, 0.0)
        for i, (ends, x) in enumerate(zip(self._ends, places, strict=True)):
            if i != self._energy:
                flux = inside(xp, ends[0], ends[1], x, flux)
        return flux

    def derivatives(self, energy: Any, *parameters: Any) -> tuple[Any, ...]:
        """Return the derivatives of the flux."""
        xp = namespace_of(energy, *parameters)
        places = self._in_order(energy, parameters)
        coordinates = self._coordinates(xp, places)
        flux = self.flux(energy, *parameters)
        # Where the flux is cut at zero it does not depend on anything.
        outer = flux if self._logarithmic else xp.where(flux > 0, 1.0, 0.0)
        last = len(places) - 1
        return tuple(
            outer * self._table.slope(last - i, *coordinates) * _scale_slope(xp, self._interp[i], places[i])
            for i in range(len(places))
            if i != self._energy
        )

    def _in_order(self, energy: Any, parameters: tuple[Any, ...]) -> list[Any]:
        """Return energies and parameters in the order of the axes."""
        return [*parameters[: self._energy], energy, *parameters[self._energy :]]

    def _coordinates(self, xp: Any, places: list[Any]) -> list[Any]:
        return [_scaled(xp, interp, x) for interp, x in zip(self._interp, places, strict=True)][::-1]


def _parameter(axis: MapAxis) -> Parameter:
    low, high = axis.center.value[[0, -1]]
    return Parameter(axis.name, 0.5 * (low + high), axis.unit, min=low, max=high, interp=axis.interp)


def _plain(axis: MapAxis) -> np.ndarray:
    """Return the points of an axis in the engine's units."""
    return axis.center.value * engine_factor(axis.unit)


def _scaled(xp: Any, interp: str, x: Any) -> Any:
    return {"log": xp.log, "sqrt": xp.sqrt, "lin": xp.asarray}[interp](x)


def _scale_slope(xp: Any, interp: str, x: Any) -> Any:
    """Return the derivative of `_scaled`."""
    return {"log": lambda: 1.0 / x, "sqrt": lambda: 0.5 / xp.sqrt(x), "lin": lambda: 1.0}[interp]()


def _map_from_dict(content: dict[str, Any], owner: str) -> RegionNDMap:
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_map import RegionNDMap

    entries = content.get("axes")
    if not entries:
        raise FileFormatError(f"{owner}: neither a filename, nor axes and values")
    axes = [
        MapAxis.from_nodes(u.Quantity(entry["data"], entry["unit"]), name=entry["name"], interp=entry["interp"])
        for entry in entries
    ]
    values = quantity_from_dict(content, "values", owner)
    fluxes = RegionNDMap.create(region=None, axes=axes, unit=values.unit)
    if values.shape != fluxes.geom.data_shape[:-2]:
        raise FileFormatError(f"{owner}: values of shape {values.shape} for axes {fluxes.geom.data_shape[:-2]}")
    fluxes.data = values.value.reshape(fluxes.geom.data_shape)
    return fluxes
