"""The covariance of parameters.

A parameter keeps its error itself, and shares with the parameters that it was fitted with one immutable table
of correlations. The covariance of any list of parameters (of one model, or of all models of a fit) is put
together from these when it is asked for,

    covariance[i, j] = correlation[i, j] * error[i] * error[j],

so that there is one truth, and no two lists can disagree. Parameters of different fits are uncorrelated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.modeling.parameter import Parameter, Parameters
from gammafold.utils.errors import InputError, InputTypeError, UnknownNameError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Correlations", "Covariance", "store_covariance"]

Array = NDArray[np.float64]


class Correlations:
    """Correlations (n, n) of parameters that were fitted together; each knows its own row."""

    __slots__ = ("matrix",)

    def __init__(self, matrix: Array) -> None:
        matrix.setflags(write=False)
        self.matrix = matrix


class Covariance:
    """Covariance of parameters, in their units.

    Parameters
    ----------
    parameters : Parameters or iterable of Parameter
        The parameters; a linked parameter may appear more than once.
    data : array, shape (P, P), optional
        The matrix. Default: what the parameters know, from their errors and the fit they come from.

    Raises
    ------
    InputError
        If the matrix has the wrong shape, is not finite or not symmetric, or has a negative variance.

    Examples
    --------
    >>> from gammafold.modeling.parameter import Parameter
    >>> parameters = Parameters([Parameter("a", 1, error=2), Parameter("b", 3, error=0.5)])
    >>> Covariance(parameters).data
    array([[4.  , 0.  ],
           [0.  , 0.25]])
    >>> Covariance(parameters).data = [[1.0, 0.5], [0.5, 1.0]]
    >>> parameters["b"].error
    1.0
    """

    def __init__(self, parameters: Iterable[Parameter], data: Any = None) -> None:
        self.parameters = parameters if isinstance(parameters, Parameters) else Parameters(parameters)
        self._data = known_covariance(self.parameters) if data is None else _checked(self.parameters, data)
        self._data.setflags(write=False)

    @property
    def data(self) -> Array:
        """The matrix, shape ``(P, P)``.

        Setting it sets the errors of the parameters, and the covariance of every model that uses them. The
        array itself is read-only, since a change in place would reach nobody.
        """
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        matrix = _checked(self.parameters, data)
        store_covariance(self.parameters, matrix)
        matrix.setflags(write=False)
        self._data = matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return (len(self.parameters), len(self.parameters))

    @classmethod
    def from_stack(cls, covariances: Sequence[Covariance]) -> Covariance:
        """Join covariances of different parameters, uncorrelated with each other."""
        parameters = Parameters.from_stack(covariance.parameters for covariance in covariances)
        data = np.zeros((len(parameters), len(parameters)))
        start = 0
        for covariance in covariances:
            stop = start + len(covariance.parameters)
            data[start:stop, start:stop] = covariance.data
            start = stop
        return cls(parameters, data)

    def get_subcovariance(self, parameters: Iterable[Parameter]) -> Covariance:
        """Return the covariance of some of the parameters, in the order given."""
        chosen = Parameters(parameters)
        rows = self._rows(chosen)
        return Covariance(chosen, self._data[np.ix_(rows, rows)])

    def set_subcovariance(self, covariance: Covariance) -> None:
        """Take the covariance of some of the parameters from another matrix, and set their errors."""
        data = self._data.copy()
        rows = self._rows(covariance.parameters)
        data[np.ix_(rows, rows)] = covariance.data
        self.data = data

    @property
    def correlation(self) -> Array:
        """Correlations, shape ``(P, P)``; 0 with a parameter that has no error, and 1 on the diagonal."""
        return correlation_of(self._data)

    @property
    def scipy_mvn(self) -> Any:
        """Normal distribution of the parameters around their present values, from `scipy.stats`."""
        from scipy.stats import multivariate_normal

        return multivariate_normal(self.parameters.value, self._data, allow_singular=True)

    def plot_correlation(self, figsize: tuple[float, float] | None = None, **kwargs: Any) -> Axes:
        """Plot the correlations of the parameters that have errors as a coloured table.

        Parameters
        ----------
        figsize : tuple of float, optional
            Size of the figure in inches. Default: by the number of parameters.
        **kwargs
            Passed on to `matplotlib.axes.Axes.imshow`.
        """
        import matplotlib.pyplot as plt

        shown = np.flatnonzero(np.diagonal(self._data) > 0)
        size = 2 + 0.6 * len(shown)
        _, ax = plt.subplots(figsize=figsize or (size + 1, size), layout="constrained")
        matrix = self.correlation[np.ix_(shown, shown)]
        image = ax.imshow(matrix, **{"cmap": "RdBu_r", "vmin": -1, "vmax": 1, **kwargs})
        names = [self.parameters[int(i)].name for i in shown]
        ax.set_xticks(range(len(shown)), labels=names, rotation=45, ha="right")
        ax.set_yticks(range(len(shown)), labels=names)
        for (row, column), value in np.ndenumerate(matrix):
            colour = "white" if abs(value) > 0.6 else "black"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
        ax.figure.colorbar(image, ax=ax, label="correlation")
        return ax

    def __repr__(self) -> str:
        return f"<Covariance of {', '.join(self.parameters.names)}>"

    def __str__(self) -> str:
        names = self.parameters.names
        width = max((len(name) for name in names), default=0)
        rows = [
            f"{name:<{width}} " + " ".join(f"{x:10.3e}" for x in row)
            for name, row in zip(names, self._data, strict=True)
        ]
        return "\n".join(rows)

    def _rows(self, parameters: Parameters) -> list[int]:
        known = {id(parameter): i for i, parameter in reversed(list(enumerate(self.parameters)))}
        strange = [parameter.name for parameter in parameters if id(parameter) not in known]
        if strange:
            raise UnknownNameError(f"no covariance of {strange}: there are {self.parameters.names}")
        return [known[id(parameter)] for parameter in parameters]


def known_covariance(parameters: Sequence[Parameter]) -> Array:
    """Return the covariance (P, P) that parameters know of."""
    n = len(parameters)
    correlation = np.zeros((n, n))
    groups: dict[int, list[tuple[int, int]]] = {}
    tables: dict[int, Array] = {}
    for i, parameter in enumerate(parameters):
        for j in range(i + 1):
            # A linked parameter is fully correlated with itself.
            if parameter is parameters[j]:
                correlation[i, j] = correlation[j, i] = 1.0
        if parameter._correlated is not None:
            table, row = parameter._correlated
            groups.setdefault(id(table), []).append((i, row))
            tables[id(table)] = table.matrix
    for key, pairs in groups.items():
        here, there = (list(rows) for rows in zip(*pairs, strict=True))
        correlation[np.ix_(here, here)] = tables[key][np.ix_(there, there)]
    error = np.array([parameter.error for parameter in parameters], dtype=float)
    return correlation * np.outer(error, error)


def store_covariance(parameters: Sequence[Parameter], matrix: Array) -> None:
    """Set the errors and the correlations of parameters from their covariance ``matrix`` (P, P)."""
    table = Correlations(correlation_of(matrix))
    # Of a linked parameter the first row counts.
    for row, parameter in reversed(list(enumerate(parameters))):
        parameter.error = float(np.sqrt(matrix[row, row]))
        parameter._correlated = (table, row)


def correlation_of(matrix: Array) -> Array:
    """Return the correlations of a covariance matrix."""
    error = np.sqrt(np.diagonal(matrix))
    size = np.where(error > 0, error, 1.0)
    correlation = matrix / size / size[:, None]
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _checked(parameters: Parameters, data: Any) -> Array:
    """Return a matrix as a fresh array, if it can be the covariance of ``parameters``."""
    try:
        matrix = np.array(data.data if isinstance(data, Covariance) else data, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"the covariance is {data!r}: expected a matrix of numbers") from error
    n = len(parameters)
    if matrix.shape != (n, n):
        raise InputError(f"a covariance of shape {matrix.shape} for {n} parameters: expected {(n, n)}")
    if not np.isfinite(matrix).all():
        bad = [parameters[int(i)].name for i in np.flatnonzero(~np.isfinite(matrix).all(axis=1))]
        raise InputError(f"the covariance of {bad} is not finite")
    if np.any(np.diagonal(matrix) < 0):
        bad = [parameters[int(i)].name for i in np.flatnonzero(np.diagonal(matrix) < 0)]
        raise InputError(f"the variance of {bad} is negative")
    size = np.sqrt(np.diagonal(matrix))
    if not np.all(np.abs(matrix - matrix.T) <= 1e-6 * np.outer(size, size)):
        raise InputError("the covariance is not symmetric")
    return 0.5 * (matrix + matrix.T)
