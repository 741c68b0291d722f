"""Radiative models of the package naima (extra ``naima``)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models.parameter_files import parameters_declared_by
from gammafold.modeling.models.spectral_compile import DNDE, ENERGY, row_by_row
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputTypeError, UnknownNameError
from gammafold.utils.optional import require_package
from gammafold.utils.units import to_quantity

__all__ = ["NaimaSpectralModel"]

# What a fit may change of each radiative model, besides its particles; frozen are those that scale the flux only.
_FREE: Mapping[str, tuple[str, ...]] = MappingProxyType({"Synchrotron": ("B",), "PionDecayKelner06": ("Etrans",)})
_FROZEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"Bremsstrahlung": ("n0",), "PionDecay": ("nh",), "PionDecayKelner06": ("nh",)}
)
_RADIATIVE = ("Synchrotron", "InverseCompton", "Bremsstrahlung", "PionDecay", "PionDecayKelner06")
# The reference energy of particles is the same as their amplitude to a fit.
_FROZEN_PARTICLES = ("e_0",)


class NaimaSpectralModel(SpectralModel):
    """The flux of a radiative model of naima (Zabalza 2015, PoS(ICRC2015) 922) at a distance.

    Its parameters are those of the distribution of particles, such as ``amplitude``, ``alpha`` and ``e_cutoff``,
    and of the process: ``B`` of `Synchrotron`, ``n0`` of `Bremsstrahlung` and ``nh`` of `PionDecay` (both frozen).
    naima takes one parameter vector at a time.

    Parameters
    ----------
    radiative_model : naima.models.BaseRadiative
        Synchrotron, InverseCompton, Bremsstrahlung or PionDecay, with particles of a class of ``naima.models`` that
        has parameters. It is copied.
    distance : `~astropy.units.Quantity`
        Distance of the source. Default: 1 kpc.
    seed : str, optional
        The seed photon field whose inverse-Compton flux is taken. Default: all.
    **kwargs
        Values of parameters, as for any model.

    Raises
    ------
    InputTypeError
        If the particles are none that naima has parameters for.

    Examples
    --------
    >>> import naima
    >>> particles = naima.models.PowerLaw(1e33 / u.eV, 10 * u.TeV, 2.5)
    >>> model = NaimaSpectralModel(naima.models.InverseCompton(particles), distance=2 * u.kpc)
    >>> model.parameters.free_parameters.names
    ['amplitude', 'alpha']
    """

    tag = ("NaimaSpectralModel", "naima")

    def __init__(
        self, radiative_model: Any, distance: Any = 1.0 * u.kpc, seed: str | None = None, **kwargs: Any
    ) -> None:
        kind = type(radiative_model).__name__
        particles = getattr(radiative_model, "particle_distribution", None)
        if kind not in _RADIATIVE or not hasattr(particles, "param_names"):
            raise InputTypeError(
                f"the radiative model is {radiative_model!r} with particles {particles!r}: expected one of "
                f"{_RADIATIVE} of naima, with particles of naima that have parameters"
            )
        self._declare(_parameters(radiative_model), kwargs)
        self.radiative_model = copy.deepcopy(radiative_model)
        self.distance = to_quantity(distance, "kpc", "distance")
        if seed is not None and seed not in getattr(radiative_model, "seed_photon_fields", ()):
            raise UnknownNameError(f"{kind} has no seed photon field {seed!r}")
        self.seed = seed

    @property
    def particle_distribution(self) -> Any:
        """The particles of the radiative model, as it was given."""
        return self.radiative_model.particle_distribution

    def evaluate(self, energy: Any, *values: Any) -> u.Quantity:
        """Return the flux at energies, for one vector of parameters."""
        return _flux(copy.deepcopy(self.radiative_model), self.distance, self.seed, self._parameter_names)(
            energy, *values
        )

    def compile(self) -> FluxFunction:
        """Return the model as the engine takes it: one call of naima for each parameter vector."""
        units = [parameter.unit for parameter in self.parameters]
        flux = _flux(copy.deepcopy(self.radiative_model), self.distance, self.seed, self._parameter_names)

        def once(energy: Any, *values: Any) -> np.ndarray:
            quantities = [u.Quantity(value, unit) for value, unit in zip(values, units, strict=True)]
            # naima wants one row of energies.
            plain = np.asarray(energy, dtype=float)
            found = flux(u.Quantity(plain.reshape(-1), ENERGY), *quantities)
            return found.to_value(DNDE).reshape(plain.shape)

        return FluxFunction(len(units), row_by_row(once))

    @classmethod
    def from_parameters(cls, parameters: Iterable[Parameter], **kwargs: Any) -> NaimaSpectralModel:
        """Return a model with the given parameters, which are shared, and the other arguments of the class."""
        given: dict[str, Any] = {parameter.name: parameter for parameter in parameters}
        return cls(**given, **kwargs)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts, with what naima needs to make its radiative model again."""
        content = super().to_dict(full_output)
        model = self.radiative_model
        settings = {name: getattr(model, name) for name in model.param_names if name not in self._parameter_names}
        seeds = settings.pop("seed_photon_fields", None)
        content["spectral"] |= {
            "distance": str(self.distance),
            "radiative_model": type(model).__name__,
            "settings": {name: _to_plain(value) for name, value in settings.items()},
            "particle_distribution": type(self.particle_distribution).__name__,
        }
        if seeds is not None:
            content["spectral"]["seed_photon_fields"] = [_seed_to_list(name, seed) for name, seed in seeds.items()]
        if self.seed is not None:
            content["spectral"]["seed"] = self.seed
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> NaimaSpectralModel:
        """Return a model from `to_dict`.

        Raises
        ------
        MissingPackageError
            If naima is not installed.
        FileFormatError
            If the entry does not say of which radiative model and particles it is.
        """
        content = data.get("spectral", data)
        parameters = {p.name: p for p in parameters_declared_by(content, cls.__name__)}
        require_package("naima", "naima")
        import naima

        modules = {"radiative_model": naima.radiative, "particle_distribution": naima.models}
        for key, module in modules.items():
            if not hasattr(module, str(content.get(key))):
                raise FileFormatError(f"{cls.__name__}: {key} is {content.get(key)!r}, which naima does not have")
        process, particles = (getattr(module, content[key]) for key, module in modules.items())
        own = {name: parameters[name].quantity for name in particles.param_names if name in parameters}
        numbers = {name: value.value if value.unit == "" else value for name, value in own.items()}
        settings = {name: _from_plain(value) for name, value in content.get("settings", {}).items()}
        if "seed_photon_fields" in content:
            settings["seed_photon_fields"] = [_seed_from_list(seed) for seed in content["seed_photon_fields"]]
        radiative = process(particles(**numbers), **settings)
        return cls(radiative, content.get("distance", "1 kpc"), content.get("seed"), **parameters)


def _parameters(radiative_model: Any) -> list[Parameter]:
    """Return the parameters of a radiative model and of its particles, with their values as they are."""
    particles = radiative_model.particle_distribution
    found = [
        Parameter(name, getattr(particles, name), frozen=name in _FROZEN_PARTICLES) for name in particles.param_names
    ]
    kind = type(radiative_model).__name__
    for names, frozen in ((_FREE.get(kind, ()), False), (_FROZEN.get(kind, ()), True)):
        found += [Parameter(name, getattr(radiative_model, name), frozen=frozen) for name in names]
    return found


def _flux(model: Any, distance: u.Quantity, seed: str | None, names: tuple[str, ...]) -> Any:
    """Return the flux of a radiative model, whose parameters are set at each call."""
    particles = model.particle_distribution
    options = {} if seed is None else {"seed": seed}

    def flux(energy: u.Quantity, *values: Any) -> u.Quantity:
        for name, value in zip(names, values, strict=True):
            owner = particles if name in particles.param_names else model
            quantity = u.Quantity(value)
            setattr(owner, name, float(quantity.value) if quantity.unit == u.dimensionless_unscaled else quantity)
        return model.flux(energy, distance=distance, **options)

    return flux


def _to_plain(value: Any) -> Any:
    if isinstance(value, u.Quantity):
        return {"data": value.value.tolist(), "unit": value.unit.to_string()}
    return value.item() if isinstance(value, np.generic) else value


def _from_plain(value: Any) -> Any:
    return u.Quantity(value["data"], value["unit"]) if isinstance(value, Mapping) else value


def _seed_to_list(name: str, seed: Mapping[str, Any]) -> list[Any]:
    """Return a seed photon field as the list from which naima makes it."""
    keys = ("T", "u") if seed["type"] == "thermal" else ("energy", "photon_density")
    angle = [] if seed.get("isotropic", True) else [seed["theta"]]
    return [name, *(_to_plain(value) for value in [*(seed[key] for key in keys), *angle])]


def _seed_from_list(seed: list[Any]) -> list[Any]:
    return [seed[0], *(_from_plain(value) for value in seed[1:])]
