"""Corrections of what the response of a dataset says: nuisance parameters of its energy scale and its exposure.

A correction is a member of `~gammafold.modeling.models.collection.Models` like a source: it has a name, says which
datasets it applies to, and holds parameters, mostly with a prior. It predicts no counts itself; the spectra of all
sources are changed by it where they are folded with the response of these datasets. Datasets that share a correction
share the evaluation of the model too.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from math import exp, inf
from typing import Any, ClassVar, Self

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models.core import NamedModel, listed_names, main_tag
from gammafold.modeling.models.parameter_files import parameters_from_dict
from gammafold.modeling.models.prior import GaussianPrior
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import InputError
from gammafold.utils.names import name_in_file

__all__ = ["DatasetNormModel", "EnergyScaleModel", "ResponseCorrection"]

# Slope of x f(x) in ln x: central differences of fourth order, with an error of h^4 / 30 of the fifth derivative
# (Abramowitz & Stegun 25.3.6).
_STEP = 1e-3
_STENCIL = ((-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0))


class ResponseCorrection(NamedModel):
    """Base of corrections: a subclass declares parameters, and says what they do to a flux.

    It does so in ``evaluate_factor(*parameters)``, a factor that is the same at all energies, or in `correct`.

    Parameters
    ----------
    datasets_names : str or list of str, optional
        Datasets that are corrected. Default: all.
    name : str, optional
        Default: the name of the first dataset, with the tag of the class appended.
    **kwargs
        Values of parameters, as for any model.
    """

    corrects_response: ClassVar[bool] = True
    evaluate_factor: ClassVar[Callable[..., Any] | None] = None

    def __init__(self, datasets_names: Any = None, name: str | None = None, **kwargs: Any) -> None:
        short = main_tag(type(self)) if isinstance(self.tag, str) else self.tag[-1]
        names = listed_names(datasets_names, short) or []
        super().__init__(name="-".join([*names[:1], short]) if name is None else name, datasets_names=datasets_names)
        self._declare(self.default_parameters, kwargs)

    def correct(self, flux: FluxFunction) -> FluxFunction:
        """Return a flux as the datasets see it, a function of the flux's parameters and then of those of the model."""
        raise NotImplementedError(
            f"{type(self).__name__} must say in correct() or evaluate_factor() what it does to a flux"
        )

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts, lists, strings and numbers."""
        content = super().to_dict(full_output)
        own: dict[str, Any] = {"name": self.name}
        if self.datasets_names is not None:
            content["datasets_names"] = list(self.datasets_names)
        return own | content

    @classmethod
    def from_content(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from a dict; linked parameters still carry their labels."""
        parameters = parameters_from_dict(data.get("parameters", []), cls.default_parameters, main_tag(cls))
        model = cls(data.get("datasets_names"), name=name_in_file(data.get("name")), **kwargs)
        for parameter in parameters:
            setattr(model, parameter.name, parameter)
        return model


class EnergyScaleModel(ResponseCorrection):
    """A shift of the energy scale: the flux ``f(E)`` is seen as ``f(E / (1 + z)) / (1 + z)``.

    Events of the true energy ``E`` are taken for events of ``(1 + z) E``, and their number stays (Nigro et al. 2019,
    A&A 625, A10, equation 7).

    Parameters
    ----------
    datasets_names : str or list of str, optional
        Datasets with this energy scale. Default: all.
    z : float
        Relative shift, above -1. Default: 0.
    sigma : float, optional
        Width of a gaussian prior of ``z`` around zero. Default: no prior.
    name : str, optional
        Default: the name of the first dataset with "-energy-scale" appended.

    Examples
    --------
    >>> scale = EnergyScaleModel(["run-1", "run-2"], sigma=0.15)
    >>> scale.name, scale.z.prior.sigma.value
    ('run-1-energy-scale', 0.15)
    """

    tag = ("EnergyScaleModel", "energy-scale")
    z = Parameter("z", 0.0, min=-0.9)

    def __init__(
        self, datasets_names: Any = None, z: Any = None, sigma: float | None = None, name: str | None = None
    ) -> None:
        super().__init__(datasets_names, name=name, z=z)
        _set_prior(self.z, 0.0, sigma)

    def correct(self, flux: FluxFunction) -> FluxFunction:
        """Return the flux on the shifted energy scale."""
        evaluate, integral, moving = flux.evaluate, flux.integral, flux.moving_breaks

        def shifted(energy: Any, *values: Any) -> Any:
            scale = 1.0 + values[-1]
            return evaluate(energy / scale, *values[:-1]) / scale

        def shifted_integral(low: Any, high: Any, *values: Any) -> Any:
            scale = 1.0 + values[-1]
            return integral(low / scale, high / scale, *values[:-1])  # type: ignore[misc]

        def shifted_breaks(*values: Any) -> tuple[Any, ...]:
            scale = 1.0 + values[-1]
            own = () if moving is None else moving(*values[:-1])
            return tuple(energy * scale for energy in (*flux.breaks, *own))

        count = flux.n_parameters
        return FluxFunction(
            n_parameters=count + 1,
            evaluate=shifted,
            integral=None if integral is None else shifted_integral,
            derivatives=None if flux.breaks or moving is not None else _shifted_derivatives(flux),
            moving_breaks=shifted_breaks if flux.breaks or moving is not None else None,
            # The parameter of the correction is the last one of the sum, and of each summand.
            parts=tuple((self.correct(part), (*positions, count), sign) for part, positions, sign in flux.parts),
        )


class DatasetNormModel(ResponseCorrection):
    """A factor on the flux of all sources, as some datasets see it: an uncertain exposure.

    Parameters
    ----------
    datasets_names : str or list of str, optional
        Datasets that share the factor. Default: all.
    norm : float
        The factor. Default: 1.
    sigma : float, optional
        Width of a gaussian prior of ``norm`` around one. Default: no prior.
    name : str, optional
        Default: the name of the first dataset with "-dataset-norm" appended.

    Examples
    --------
    >>> norm = DatasetNormModel("run-1", sigma=0.1)
    >>> norm.name, norm.datasets_names
    ('run-1-dataset-norm', ['run-1'])
    """

    tag = ("DatasetNormModel", "dataset-norm")
    norm = Parameter("norm", 1.0, min=0.0, interp="log")

    def __init__(
        self, datasets_names: Any = None, norm: Any = None, sigma: float | None = None, name: str | None = None
    ) -> None:
        super().__init__(datasets_names, name=name, norm=norm)
        _set_prior(self.norm, 1.0, sigma)

    @staticmethod
    def evaluate_factor(norm: Any) -> Any:
        """Return the factor."""
        return norm


def _shifted_derivatives(flux: FluxFunction) -> Callable[..., Any] | None:
    """Return the derivatives of ``f(E / s) / s``; that by ``s`` is ``-(x f)' / s^2`` with ``x = E / s``.

    Written with logarithms, ``(x f)' = d(x f) / d ln x / x``, it needs the flux at four more energies for each.
    """
    evaluate, slopes = flux.evaluate, flux.derivatives
    if slopes is None:
        return None

    def derivatives(energy: Any, *values: Any) -> tuple[Any, ...]:
        scale, own = 1.0 + values[-1], values[:-1]
        x = energy / scale
        along = 0.0
        for offset, weight in _STENCIL:
            ratio = exp(offset * _STEP)
            along = along + weight / (12.0 * _STEP) * ratio * evaluate(x * ratio, *own)
        return (*(slope / scale for slope in slopes(x, *own)), -along / scale**2)

    return derivatives


def _set_prior(parameter: Parameter, center: float, sigma: float | None) -> None:
    if sigma is None:
        return
    if not isinstance(sigma, numbers.Real) or not 0 < sigma < inf:
        raise InputError(f"sigma of {parameter.name!r} is {sigma}: expected a width above zero, or None for no prior")
    parameter.prior = GaussianPrior(mu=center, sigma=sigma)
