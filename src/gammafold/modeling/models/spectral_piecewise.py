"""A norm for each of some energies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.models.parameter_files import parameters_declared_by
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.spectral_template import quantity_from_dict, quantity_to_dict
from gammafold.modeling.models.xp import namespace_of, plain_energy
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

__all__ = ["PiecewiseNormSpectralModel"]


class PiecewiseNormSpectralModel(SpectralModel):
    """Factor without unit that is free at some energies, interpolated between them and constant beyond.

    Parameters
    ----------
    energy : `~astropy.units.Quantity`
        Increasing energies, shape (n,), at least two.
    norms : sequence of n numbers or Parameters, optional
        Factors there: the parameters ``norm_0``, ``norm_1``, ... Default: 1.
    interp : {"log", "lin"}
        Linear in the logarithms of factor and energy, or in both themselves. Default: "log"; the factors are
        then above zero, elsewhere the model is not defined (NaN).

    Examples
    --------
    >>> model = PiecewiseNormSpectralModel([1, 100] * u.TeV, norms=[1, 4])
    >>> model([1, 10, 1000] * u.TeV)
    <Quantity [1., 2., 4.]>
    """

    tag = ("PiecewiseNormSpectralModel", "piecewise-norm")
    is_norm_spectral_model = True

    def __init__(self, energy: Any, norms: Iterable[Any] | None = None, interp: str = "log") -> None:
        energy = np.atleast_1d(to_quantity(energy, "TeV", "energy of the norms"))
        if energy.ndim != 1 or len(energy) < 2 or not (np.diff(energy.value) > 0).all() or not energy.value[0] > 0:
            raise InputError(f"the energies of the norms are {energy}: expected two or more, positive and increasing")
        if interp not in ("log", "lin"):
            raise InputError(f"interp is {interp!r}: expected 'log' or 'lin'")
        given = [1.0] * len(energy) if norms is None else list(norms)
        if len(given) != len(energy):
            raise InputError(f"there are {len(given)} norms for {len(energy)} energies: expected as many")
        names = [f"norm_{i}" for i in range(len(energy))]
        self._declare([Parameter(name, 1.0, interp=interp) for name in names], dict(zip(names, given, strict=True)))
        self.energy: u.Quantity = energy
        self.interp = interp
        values = [parameter.value for parameter in self.parameters]
        if interp == "log" and min(values) <= 0:
            raise InputError(f"the norms are {values}: expected all above zero to interpolate in their logarithms")

    @property
    def norms(self) -> u.Quantity:
        """The factors."""
        return u.Quantity([parameter.value for parameter in self.parameters])

    @property
    def fixed_breaks(self) -> u.Quantity:
        """The energies."""
        return self.energy

    def evaluate(self, energy: Any, *norms: Any) -> Any:
        """Return the factor."""
        xp = namespace_of(energy, *norms)
        weights = self._weights(energy, norms)
        if self.interp == "lin":
            return sum(norm * weight for norm, weight in zip(norms, weights, strict=True))
        logs = [xp.log(xp.where(norm > 0, norm, np.nan)) for norm in norms]
        return xp.exp(sum(log * weight for log, weight in zip(logs, weights, strict=True)))

    def evaluate_derivatives(self, energy: Any, *norms: Any) -> tuple[Any, ...]:
        """Return the derivatives."""
        weights = self._weights(energy, norms)
        if self.interp == "lin":
            return tuple(weights)
        factor = self.evaluate(energy, *norms)
        return tuple(factor * weight / norm for norm, weight in zip(norms, weights, strict=True))

    def _weights(self, energy: Any, norms: tuple[Any, ...]) -> list[Any]:
        """Return the share of each norm in the (logarithm of the) factor, at energies."""
        xp = namespace_of(energy, *norms)
        x, nodes = plain_energy(energy), self.energy.to_value("TeV")
        if self.interp == "log":
            x, nodes = xp.log(x), np.log(nodes)
        return [xp.interp(x, xp.asarray(nodes), xp.asarray(one)) for one in np.eye(len(nodes))]

    @classmethod
    def from_parameters(cls, parameters: Iterable[Parameter], **kwargs: Any) -> PiecewiseNormSpectralModel:
        """Return a model with the given parameters as its norms, in their order; they are shared."""
        return cls(norms=parameters, **kwargs)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts."""
        content = super().to_dict(full_output)
        content["spectral"] |= {"energy": quantity_to_dict(self.energy), "interp": self.interp}
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> PiecewiseNormSpectralModel:
        """Return a model from `to_dict`."""
        content = data.get("spectral", data)
        energy = quantity_from_dict(content, "energy", cls.__name__)
        return cls(energy, parameters_declared_by(content, cls.__name__), content.get("interp", "log"))
