"""Lists of parameters: of a model, of all models of a fit, of those that are free."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.modeling.links import link_labels
from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.modeling.parameter import Parameter

__all__ = ["Parameters"]

_KINDS = ("spectral", "spatial", "temporal")


class Parameters(Sequence):
    """Parameters in order; a linked parameter may appear more than once.

    Parameters
    ----------
    parameters : iterable of Parameter, optional
        The parameters.

    Examples
    --------
    >>> from gammafold.modeling import Parameter
    >>> parameters = Parameters([Parameter("index", 2), Parameter("reference", "1 TeV", frozen=True)])
    >>> parameters["index"].value
    2.0
    >>> parameters.free_parameters.names
    ['index']
    """

    __slots__ = ("_parameters",)

    def __init__(self, parameters: Iterable[Parameter] | None = None) -> None:
        self._parameters = [] if parameters is None else list(parameters)

    @classmethod
    def from_stack(cls, parameters_list: Iterable[Iterable[Parameter]]) -> Parameters:
        """Join several lists of parameters."""
        return cls(parameter for parameters in parameters_list for parameter in parameters)

    # -- a sequence, addressed by position, name or parameter

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters)

    def __contains__(self, item: object) -> bool:
        return any(item is parameter or item == parameter.name for parameter in self._parameters)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return Parameters(self._parameters[key])
        return self._parameters[self.index(key)]

    def __add__(self, other: Iterable[Parameter]) -> Parameters:
        if not isinstance(other, Parameters):
            return NotImplemented
        return Parameters([*self._parameters, *other._parameters])

    def index(self, key: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the position of a parameter, given by itself, its name or its position.

        Raises
        ------
        UnknownNameError
            If it is not there, or a name stands for several different parameters.
        """
        if isinstance(key, int | np.integer):
            return range(len(self._parameters))[int(key)]
        if isinstance(key, str):
            found = [i for i, parameter in enumerate(self._parameters) if parameter.name == key]
            if len({id(self._parameters[i]) for i in found}) > 1:
                raise UnknownNameError(f"{len(found)} parameters are called {key!r}: take them from their models")
        else:
            found = [i for i, parameter in enumerate(self._parameters) if parameter is key]
        if not found:
            raise UnknownNameError(f"no parameter {key!r}: there are {self.names}")
        return found[0]

    # -- selections

    @property
    def names(self) -> list[str]:
        """Names, in order."""
        return [parameter.name for parameter in self._parameters]

    @property
    def value(self) -> np.ndarray:
        """Values, each in its own unit, shape ``(P,)``."""
        return np.array([parameter.value for parameter in self._parameters], dtype=float)

    @value.setter
    def value(self, values: Any) -> None:
        numbers = list(values)
        if len(numbers) != len(self._parameters):
            raise InputError(f"there are {len(numbers)} values for {len(self._parameters)} parameters, {self.names}")
        for parameter, value in zip(self._parameters, numbers, strict=True):
            parameter.value = value

    @property
    def free_parameters(self) -> Parameters:
        """Those that are not frozen."""
        return Parameters(parameter for parameter in self._parameters if not parameter.frozen)

    @property
    def unique_parameters(self) -> Parameters:
        """Each parameter once, in the order of first appearance."""
        return Parameters({id(parameter): parameter for parameter in self._parameters}.values())

    @property
    def free_unique_parameters(self) -> Parameters:
        """Those that are not frozen, each once."""
        return self.unique_parameters.free_parameters

    @property
    def prior(self) -> list[Any]:
        """Priors, in order; None where there is none."""
        return [parameter.prior for parameter in self._parameters]

    def prior_stat_sum(self) -> float:
        """Return what the priors add to the statistic, each parameter counted once."""
        return sum(float(p.prior(p)) for p in self.unique_parameters if p.prior is not None)

    def select(self, name: Any = None, type: Any = None, frozen: bool | None = None) -> Parameters:
        """Return the parameters that fulfil all conditions.

        Parameters
        ----------
        name : str or list of str, optional
            Names.
        type : str or list of str, optional
            Kinds of the models that declare them: "spectral", "spatial", "temporal".
        frozen : bool, optional
            Whether they are frozen.
        """
        names = None if name is None else [name] if isinstance(name, str) else list(name)
        kinds = None if type is None else [type] if isinstance(type, str) else list(type)
        strange = [kind for kind in kinds or [] if kind not in _KINDS]
        if strange:
            raise InputError(f"type is {strange}: expected some of {_KINDS}")
        return Parameters(
            parameter
            for parameter in self._parameters
            if (names is None or parameter.name in names)
            and (kinds is None or parameter.type in kinds)
            and (frozen is None or parameter.frozen == frozen)
        )

    # -- changes

    def freeze_all(self) -> None:
        """Freeze all parameters."""
        for parameter in self._parameters:
            parameter.frozen = True

    def unfreeze_all(self) -> None:
        """Free all parameters, also those that are usually frozen."""
        for parameter in self._parameters:
            parameter.frozen = False

    @contextmanager
    def restore_status(self, restore_values: bool = True) -> Iterator[None]:
        """Give back frozen flags, and values and errors unless told otherwise, at the end of a ``with`` block."""
        before = [(parameter, parameter.frozen, parameter.value, parameter.error) for parameter in self._parameters]
        try:
            yield
        finally:
            for parameter, frozen, value, error in before:
                parameter.frozen = frozen
                if restore_values:
                    parameter.value, parameter.error = value, error

    def autoscale(self) -> None:
        """Choose the scale of each parameter."""
        for parameter in self._parameters:
            parameter.autoscale()

    def check_limits(self) -> None:
        """Raise an `InputError` if a free parameter lies outside its limits."""
        for parameter in self.free_parameters:
            parameter.check_limits()

    def copy(self) -> Parameters:
        """Return a deep copy; what is linked stays linked."""
        return copy.deepcopy(self)

    # -- tables and files

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the parameters as a list of dicts."""
        return [parameter.to_dict() for parameter in self._parameters]

    def to_table(self) -> Table:
        """Return a table with a row for each parameter."""
        from astropy.table import Table

        labels = link_labels([(parameter, "") for parameter in self._parameters])
        table = Table(
            {
                "name": self.names,
                "value": self.value,
                "unit": [parameter.unit.to_string() for parameter in self],
                "error": np.array([parameter.error for parameter in self], dtype=float),
                "min": np.array([parameter.min for parameter in self], dtype=float),
                "max": np.array([parameter.max for parameter in self], dtype=float),
                "frozen": np.array([parameter.frozen for parameter in self], dtype=bool),
                "link": [parameter.link or labels.get(id(parameter), "") for parameter in self],
                "prior": ["" if parameter.prior is None else type(parameter.prior).__name__ for parameter in self],
            }
        )
        for column in ("value", "error"):
            table[column].format = ".4e"
        for column in ("min", "max"):
            table[column].format = ".3e"
        return table

    def __repr__(self) -> str:
        return f"<Parameters of {len(self)}: {', '.join(self.names)}>"
