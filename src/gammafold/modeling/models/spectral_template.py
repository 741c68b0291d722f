"""Spectra given as tables."""

from __future__ import annotations

import os
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models.spectral_compile import DNDE
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.spectral_grid import PowerLawTable, interpolation_options
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError
from gammafold.utils.files import make_path
from gammafold.utils.units import to_quantity

__all__ = ["TemplateSpectralModel", "quantity_from_dict", "quantity_to_dict"]


# What scripts of the field may say of the interpolation, and is so.
_INTERPOLATION = {"extrapolate": (True, False), "method": ("linear",), "values_scale": ("log",)}


class TemplateSpectralModel(SpectralModel):
    """Flux given at energies, a power law between them and, continued, beyond the ends; it has no parameters.

    Multiply it by `PowerLawNormSpectralModel` for a free norm and tilt.

    Parameters
    ----------
    energy : `~astropy.units.Quantity`
        Increasing energies, shape (n,).
    values : `~astropy.units.Quantity`
        Fluxes, or factors without unit, shape (n,), >= 0. Between a zero and its neighbour it is linear.
    interp_kwargs : dict, optional
        ``extrapolate=False`` makes it zero beyond the ends. Default: True.
    meta : dict, optional
        Kept.

    Examples
    --------
    >>> model = TemplateSpectralModel([1, 10] * u.TeV, [1e-12, 1e-14] * u.Unit("cm-2 s-1 TeV-1"))
    >>> model(2 * u.TeV)
    <Quantity 2.5e-13 1 / (TeV s cm2)>
    """

    tag = ("TemplateSpectralModel", "template")

    def __init__(
        self, energy: Any, values: Any, interp_kwargs: dict[str, Any] | None = None, meta: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.energy: u.Quantity = np.atleast_1d(to_quantity(energy, "TeV", "energy of the template"))
        self.values: u.Quantity = np.atleast_1d(_quantity(values))
        self.interp_kwargs = interpolation_options(interp_kwargs, _INTERPOLATION, "the template")
        self.meta = dict(meta or {})
        self._check()

    def _check(self) -> None:
        energy, values = self.energy.value, self.values.value
        if energy.shape != values.shape or energy.ndim != 1 or len(energy) < 2:
            raise InputError(
                f"the template has {energy.size} energies and {values.size} values: expected as many, >= 2"
            )
        if not (np.isfinite(energy).all() and (np.diff(energy) > 0).all() and energy[0] > 0):
            raise InputError(f"the energies of the template are {self.energy}: expected positive, increasing ones")
        if not (np.isfinite(values).all() and (values >= 0).all()):
            bad = values[~(np.isfinite(values) & (values >= 0))][0]
            raise InputError(f"the template holds the value {bad}: expected finite ones of zero or more")
        if not (self.values.unit.is_equivalent(DNDE) or self.values.unit.is_equivalent("")):
            raise UnitsError(
                f"the template is in {self.values.unit.to_string()!r}: expected a flux like {DNDE.to_string()!r}"
            )

    @property
    def is_norm_spectral_model(self) -> bool:  # type: ignore[override]
        """Whether the values are factors without unit."""
        return self.values.unit.is_equivalent("")

    @property
    def fixed_breaks(self) -> u.Quantity:
        """The energies of the table."""
        return self.energy

    @property
    def _unit(self) -> u.UnitBase:
        return self.values.unit

    def evaluate(self, energy: Any) -> Any:
        """Return the flux at energies, as quantities."""
        return self(energy)

    def __call__(self, energy: Any) -> u.Quantity:
        """Return the flux at energies of any shape."""
        plain = to_quantity(energy, "TeV", "energy").to_value("TeV")
        return u.Quantity(self.compile().evaluate(plain), self._engine_unit).to(self._unit)

    def compile(self) -> FluxFunction:
        """Return the table as the engine takes it, as it is now."""
        energy = self.energy.to_value("TeV")
        values = self.values.to_value("" if self.is_norm_spectral_model else DNDE)
        extrapolate = bool(self.interp_kwargs.get("extrapolate", True))
        table = PowerLawTable(np.array(energy), np.array(values), extrapolate)
        return FluxFunction(0, table, breaks=tuple(energy), derivatives=lambda _: ())

    # -- files

    @classmethod
    def from_table(
        cls, table: Any, energy: str = "energy", values: str = "dnde", **kwargs: Any
    ) -> TemplateSpectralModel:
        """Return a model of two columns with units."""
        for name in (energy, values):
            if name not in table.colnames:
                raise InputError(f"the table has no column {name!r}: there are {table.colnames}")
        return cls(table[energy].quantity, table[values].quantity, **kwargs)

    @classmethod
    def from_region_map(cls, map: Any, **kwargs: Any) -> TemplateSpectralModel:
        """Return a model of a map on a region, with fluxes at the centres of its axis of energy.

        Parameters
        ----------
        map : RegionNDMap
            With one axis, "energy" or "energy_true".
        **kwargs
            Further arguments of the class.
        """
        axes = list(map.geom.axes)
        if len(axes) != 1 or axes[0].name not in ("energy", "energy_true"):
            raise InputError(f"the map has the axes {[axis.name for axis in axes]}: expected one of energy")
        return cls(axes[0].center, u.Quantity(map.data.reshape(-1), map.unit), **kwargs)

    @classmethod
    def read(cls, filename: str | os.PathLike[str], **kwargs: Any) -> TemplateSpectralModel:
        """Read a table with the columns "energy" and "dnde" from FITS or ECSV."""
        from astropy.table import Table

        path = make_path(filename)
        try:
            table = Table.read(path)
        except Exception as error:
            raise FileFormatError(f"cannot read a table from {path}: {error}") from error
        return cls.from_table(table, **kwargs)

    @classmethod
    def read_xspec_model(cls, filename: str | os.PathLike[str], param: float, **kwargs: Any) -> TemplateSpectralModel:
        """Read the spectrum at a value of the only parameter of an XSPEC table model.

        Parameters
        ----------
        filename : path-like
            File, see `gammafold.modeling.models.xspec_table`.
        param : float
            Value of the parameter, such as a redshift.
        **kwargs
            Further arguments of the class.
        """
        from gammafold.modeling.models.xspec_table import read_xspec_table

        table = read_xspec_table(filename)
        return cls(table.energy, table.at(param), **kwargs)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts."""
        content = super().to_dict(full_output)
        spectral = content["spectral"]
        spectral["energy"] = quantity_to_dict(self.energy)
        spectral["values"] = quantity_to_dict(self.values)
        if self.interp_kwargs:
            spectral["interp_kwargs"] = dict(self.interp_kwargs)
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> TemplateSpectralModel:
        """Return a model from `to_dict`."""
        content = data.get("spectral", data)
        energy, values = (quantity_from_dict(content, name, cls.__name__) for name in ("energy", "values"))
        return cls(energy, values, interp_kwargs=content.get("interp_kwargs"))


def _quantity(values: Any) -> u.Quantity:
    try:
        return u.Quantity(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"the values of the template are {values!r}: expected a quantity") from error


def quantity_to_dict(quantity: u.Quantity) -> dict[str, Any]:
    """Return a quantity as files of models hold it."""
    return {"data": quantity.value.tolist(), "unit": quantity.unit.to_string()}


def quantity_from_dict(content: dict[str, Any], name: str, owner: str) -> u.Quantity:
    """Return the quantity of an entry of a file of models.

    Raises
    ------
    FileFormatError
        If it is not there, or is no quantity.
    """
    try:
        return u.Quantity(content[name]["data"], content[name].get("unit", ""), dtype=float)
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{owner}: the entry {name!r} is no quantity with 'data' and 'unit'") from error
