"""A norm for each of some ranges of energy."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
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

__all__ = ["StepNormSpectralModel"]


class StepNormSpectralModel(SpectralModel):
    """Factor without unit that is constant in each of some ranges of energy, and one outside them.

    As the spectral model of a `FoVBackgroundModel` it is a norm of the background for each range; a bin belongs to
    the range that holds its centre.

    Parameters
    ----------
    edges : `~astropy.units.Quantity`
        Increasing edges of the ranges, shape (n + 1,); a range holds its lower edge.
    norms : sequence of n numbers or Parameters, optional
        Factors in the ranges: the parameters ``norm_0``, ``norm_1``, ... Default: 1.

    Examples
    --------
    >>> model = StepNormSpectralModel([1, 10, 100] * u.TeV, norms=[0.8, 1.5])
    >>> model([0.5, 1, 9.9, 50] * u.TeV)
    <Quantity [1. , 0.8, 0.8, 1.5]>
    """

    tag = ("StepNormSpectralModel", "step-norm")
    is_norm_spectral_model = True

    def __init__(self, edges: Any, norms: Iterable[Any] | None = None) -> None:
        edges = np.atleast_1d(to_quantity(edges, "TeV", "edges of the norms"))
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges.value) > 0).all() or not edges.value[0] > 0:
            raise InputError(f"the edges of the norms are {edges}: expected two or more, positive and increasing")
        given = [1.0] * (len(edges) - 1) if norms is None else list(norms)
        if len(given) != len(edges) - 1:
            raise InputError(f"there are {len(given)} norms for {len(edges) - 1} ranges: expected as many")
        names = [f"norm_{i}" for i in range(len(given))]
        self._declare([Parameter(name, 1.0) for name in names], dict(zip(names, given, strict=True)))
        self.edges: u.Quantity = edges

    @property
    def fixed_breaks(self) -> u.Quantity:
        """The edges."""
        return self.edges

    def evaluate(self, energy: Any, *norms: Any) -> Any:
        """Return the factor."""
        xp = namespace_of(energy, *norms)
        value = 1.0
        for norm, inside in zip(norms, self._inside(energy), strict=True):
            value = xp.where(inside, norm, value)
        return value

    def evaluate_derivatives(self, energy: Any, *norms: Any) -> tuple[Any, ...]:
        """Return the derivatives."""
        xp = namespace_of(energy, *norms)
        return tuple(xp.where(inside, 1.0, 0.0) for inside in self._inside(energy))

    def _inside(self, energy: Any) -> list[Any]:
        """Return for each range whether energies lie in it."""
        x, edges = plain_energy(energy), self.edges.to_value("TeV")
        return [(x >= low) & (x < high) for low, high in pairwise(edges)]

    @classmethod
    def from_parameters(cls, parameters: Iterable[Parameter], **kwargs: Any) -> StepNormSpectralModel:
        """Return a model with the given parameters as its norms, in their order; they are shared."""
        return cls(norms=parameters, **kwargs)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts."""
        content = super().to_dict(full_output)
        content["spectral"] |= {"edges": quantity_to_dict(self.edges)}
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> StepNormSpectralModel:
        """Return a model from `to_dict`."""
        content = data.get("spectral", data)
        edges = quantity_from_dict(content, "edges", cls.__name__)
        return cls(edges, parameters_declared_by(content, cls.__name__))
