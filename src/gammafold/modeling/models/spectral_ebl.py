"""Absorption by the extragalactic background light."""

from __future__ import annotations

import os
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models.ebl_tables import builtin_table, known_file, reference_of
from gammafold.modeling.models.parameter_files import parameters_from_dict
from gammafold.modeling.models.spectral_compile import compile_model
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.spectral_grid import GridTable, inside
from gammafold.modeling.models.spectral_template import quantity_from_dict, quantity_to_dict
from gammafold.modeling.models.xp import namespace_of, plain_energy
from gammafold.modeling.models.xspec_table import read_xspec_table
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.units import to_quantity

__all__ = ["EBLAbsorptionNormSpectralModel"]

# Optical depths below this absorb nothing that a double can hold; tables have zeros there.
_LEAST_DEPTH = 1e-12
_TINY = np.finfo(float).tiny


class EBLAbsorptionNormSpectralModel(SpectralModel):
    """Factor ``exp(-alpha_norm tau(E, redshift))`` by which light of far sources gets through.

    The optical depth is a power law of energy and of redshift between the points of its table, proportional to the
    redshift below the first, and continued in energy beyond the ends.

    Parameters
    ----------
    energy : `~astropy.units.Quantity`
        Increasing energies of the table, shape (n,).
    param : array
        Increasing redshifts of the table, shape (m,).
    data : array
        Transmissions ``exp(-tau)``, from 0 to 1, shape (m, n).
    redshift : float
        From 0 to the last one of the table; frozen. Default: 0.1.
    alpha_norm : float
        Factor of the optical depth, frozen. Default: 1.
    interp_kwargs : dict, optional
        Accepted for scripts.
    filename : path-like, optional
        File of the table, which files of models name; without one they hold the table itself.
    reference : str, optional
        Name of the table, if it is built in.

    Raises
    ------
    InputError
        If the table is none, or the redshift lies outside.

    Examples
    --------
    >>> model = EBLAbsorptionNormSpectralModel([1, 10] * u.TeV, [0.1, 0.2], np.exp([[-1, -4], [-2, -8]]))
    >>> model.redshift.value = 0.05
    >>> np.log(model([1, 10] * u.TeV).value)
    array([-0.5, -2. ])
    """

    tag = ("EBLAbsorptionNormSpectralModel", "ebl-norm")
    is_norm_spectral_model = True
    redshift = Parameter("redshift", 0.1, frozen=True)
    alpha_norm = Parameter("alpha_norm", 1.0, frozen=True)

    def __init__(
        self,
        energy: Any,
        param: Any,
        data: Any,
        redshift: Any = 0.1,
        alpha_norm: Any = 1.0,
        interp_kwargs: dict[str, Any] | None = None,
        filename: str | os.PathLike[str] | None = None,
        reference: str | None = None,
    ) -> None:
        super().__init__(redshift=redshift, alpha_norm=alpha_norm)
        self.energy: u.Quantity = np.atleast_1d(to_quantity(energy, "TeV", "energy of the absorption"))
        self.param = np.atleast_1d(u.Quantity(param, dtype=float).to_value(""))
        self.data = np.atleast_2d(u.Quantity(data, dtype=float).to_value(""))
        self.interp_kwargs = dict(interp_kwargs or {})
        self.filename = None if filename is None else str(filename)
        self.reference = reference
        self._check_table()
        if not isinstance(redshift, Parameter):
            # A fit with a free redshift stays where the table is.
            self.redshift.min, self.redshift.max = 0.0, float(self.param[-1])
        self._check_redshift()

    def _check_table(self) -> None:
        energy, param, data = self.energy.value, self.param, self.data
        if data.shape != (len(param), len(energy)):
            raise InputError(f"the absorption has the shape {data.shape}: expected {(len(param), len(energy))}")
        for axis, name in ((energy, "energies"), (param, "redshifts")):
            if not (np.isfinite(axis).all() and (np.diff(axis) > 0).all() and axis[0] >= 0 and axis[-1] > 0):
                raise InputError(f"the {name} of the absorption do not increase from zero or more")
        if not energy[0] > 0:
            raise InputError(f"the first energy of the absorption is {self.energy[0]}: expected one above zero")
        if not ((data >= 0) & (data <= 1 + 1e-6)).all():
            raise InputError("the absorption holds transmissions that are not from 0 to 1")

    def _check_redshift(self) -> None:
        redshift, last = self.redshift.value, self.param[-1]
        if not inside(np, 0.0, last, redshift, True) > 0:
            raise InputError(f"the redshift is {redshift:g}: the table of the absorption has 0 to {last:g}")

    @property
    def fixed_breaks(self) -> u.Quantity:
        """The energies of the table."""
        return self.energy

    def evaluate(self, energy: Any, redshift: Any, alpha_norm: Any) -> Any:
        """Return the factor; NaN beyond the last redshift of the table."""
        return self._depths().transmission(plain_energy(energy), redshift, alpha_norm)

    def compile(self) -> FluxFunction:
        """Return the table as the engine takes it, as it is now.

        Raises
        ------
        InputError
            If the redshift lies outside the table.
        """
        self._check_redshift()
        depths = self._depths()
        return compile_model(self, depths.transmission, depths.derivatives)

    def optical_depth(self, energy: Any) -> Any:
        """Return ``tau`` at energies of any shape, at the redshift of the model and without its ``alpha_norm``."""
        return self._depths().depth(to_quantity(energy, "TeV", "energy").to_value("TeV"), self.redshift.value)

    def _depths(self) -> _OpticalDepths:
        return _OpticalDepths(self.energy.to_value("TeV"), self.param, self.data)

    # -- tables and files

    @classmethod
    def read(
        cls, filename: str | os.PathLike[str], redshift: Any = 0.1, alpha_norm: Any = 1.0, interp_kwargs: Any = None
    ) -> EBLAbsorptionNormSpectralModel:
        """Read an XSPEC table model of transmissions whose only parameter is the redshift.

        Parameters
        ----------
        filename : path-like
            File, see `gammafold.modeling.models.xspec_table`.
        redshift, alpha_norm : float or Parameter
            As for the class.
        interp_kwargs : dict, optional
            Accepted for scripts.
        """
        table = read_xspec_table(filename)
        if len(table.grid) != 1 or not table.values.unit.is_equivalent(""):
            raise FileFormatError(
                f"{filename}: a table of {table.values.unit.to_string() or 'factors'} with the parameters "
                f"{list(table.names)}: expected factors and one parameter, the redshift"
            )
        return cls(table.energy, table.grid[0], table.values, redshift, alpha_norm, interp_kwargs, filename)

    @classmethod
    def read_builtin(
        cls, reference: str = "dominguez", redshift: Any = 0.1, alpha_norm: Any = 1.0, interp_kwargs: Any = None
    ) -> EBLAbsorptionNormSpectralModel:
        """Return the model with one of the tables that the package ``ebltable`` holds (extra ``ebl``).

        Parameters
        ----------
        reference : str
            "dominguez" (2011), "franceschini" (2008), "finke" (2010), "franceschini17", "saldana-lopez21", or any
            other name of ``ebltable``, such as "inoue". Default: "dominguez".
        redshift, alpha_norm : float or Parameter
            As for the class.
        interp_kwargs : dict, optional
            Accepted for scripts.

        Raises
        ------
        MissingPackageError
            If ``ebltable`` is not installed.
        UnknownNameError
            If there is no such table.
        """
        energy, redshifts, depth = builtin_table(reference)
        return cls(energy, redshifts, np.exp(-depth), redshift, alpha_norm, interp_kwargs, reference=reference)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts, with the name of its table, its file, or the table itself."""
        content = super().to_dict(full_output)
        spectral = content["spectral"]
        if self.reference is not None:
            spectral["reference"] = self.reference
        filename = self.filename or known_file(self.reference)
        if filename is not None:
            spectral["filename"] = filename
        elif self.reference is None:
            spectral["energy"] = quantity_to_dict(self.energy)
            spectral["param"] = quantity_to_dict(u.Quantity(self.param))
            spectral["values"] = quantity_to_dict(u.Quantity(self.data))
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> EBLAbsorptionNormSpectralModel:
        """Return a model from `to_dict`; its file is read."""
        content = data.get("spectral", data)
        read = parameters_from_dict(content.get("parameters", []), cls.default_parameters, cls.__name__)
        parameters: dict[str, Any] = {parameter.name: parameter for parameter in read}
        filename = content.get("filename")
        reference = content.get("reference") or reference_of(filename)
        if reference is not None:
            return cls.read_builtin(reference, **parameters)
        if filename is not None:
            return cls.read(filename, **parameters)
        energy, param, values = (
            quantity_from_dict(content, name, cls.__name__) for name in ("energy", "param", "values")
        )
        return cls(energy, param, values, **parameters)


class _OpticalDepths:
    """A table of optical depths, as functions of plain arrays.

    Parameters
    ----------
    energy : array, shape (n,)
        Energies in TeV.
    redshift : array, shape (m,)
        Redshifts.
    transmission : array, shape (m, n)
        ``exp(-tau)``.
    """

    def __init__(self, energy: np.ndarray, redshift: np.ndarray, transmission: np.ndarray) -> None:
        far = redshift > 0
        depth = -np.log(np.clip(transmission[far], _TINY, 1.0))
        self._first, self._last = float(redshift[far][0]), float(redshift[-1])
        self._table = GridTable((np.log(redshift[far]), np.log(energy)), np.log(np.maximum(depth, _LEAST_DEPTH)))

    def depth(self, energy: Any, redshift: Any) -> Any:
        """Return the optical depth."""
        xp = namespace_of(energy, redshift)
        depth = xp.exp(self._table(*self._coordinates(xp, energy, redshift)))
        return inside(xp, 0.0, self._last, redshift, depth * xp.minimum(redshift / self._first, 1.0))

    def transmission(self, energy: Any, redshift: Any, alpha_norm: Any) -> Any:
        """Return ``exp(-alpha_norm tau)``."""
        xp = namespace_of(energy, redshift, alpha_norm)
        return xp.exp(-alpha_norm * self.depth(energy, redshift))

    def derivatives(self, energy: Any, redshift: Any, alpha_norm: Any) -> tuple[Any, Any]:
        """Return the derivatives of the transmission with respect to ``redshift`` and ``alpha_norm``."""
        xp = namespace_of(energy, redshift, alpha_norm)
        depth = self.depth(energy, redshift)
        factor = xp.exp(-alpha_norm * depth)
        coordinates = self._coordinates(xp, energy, redshift)
        # tau is proportional to z below the first redshift, and a power of z beyond.
        near = xp.exp(self._table(*coordinates)) / self._first
        power = self._table.slope(0, *coordinates) * depth / xp.maximum(redshift, self._first)
        by_redshift = xp.where(redshift < self._first, near, power)
        return -alpha_norm * factor * by_redshift, -factor * depth

    def _coordinates(self, xp: Any, energy: Any, redshift: Any) -> tuple[Any, Any]:
        return xp.log(xp.maximum(redshift, self._first)), xp.log(energy)
