"""What the engine is told: datasets as arrays, and where their parameters stand in one vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.flux import FluxFunction

__all__ = ["BackgroundTerm", "DatasetSpec", "ParameterSpec", "SignalTerm"]

Array = NDArray[np.float64]
# A factor that depends on parameters: a function of them, and their positions in the full vector.
ParametricFactor = tuple[Callable[..., Any], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class SignalTerm:
    """One source in one dataset.

    Attributes
    ----------
    flux : FluxFunction
        Its differential flux.
    index : tuple of int
        Positions of the flux's parameters in the full parameter vector.
    factor : float, or tuple of (callable, positions)
        What the counts are multiplied by, such as the average of a temporal model over the observation.
    """

    flux: FluxFunction
    index: tuple[int, ...]
    factor: float | ParametricFactor = 1.0


@dataclass(frozen=True, eq=False)
class BackgroundTerm:
    """The predicted background of a dataset: a template, and a function of parameters that scales it.

    Attributes
    ----------
    template : array, shape (K,)
        Counts.
    function : callable, optional
        ``function(energy, *parameters)`` with energies (K,) in TeV; None for the template alone.
    energy : array, shape (K,)
        Centres of the bins in reconstructed energy, in TeV.
    index : tuple of int
        Positions of the function's parameters in the full parameter vector.
    """

    template: Array
    function: Callable[..., Any] | None
    energy: Array
    index: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class DatasetSpec:
    """One dataset with K bins of reconstructed and J bins of true energy.

    Attributes
    ----------
    name : str
        Its name.
    edges_true : array, shape (J + 1,)
        Edges of the bins of true energy, in TeV.
    response : array, shape (K, J)
        Energy dispersion times exposure, in cm2 s.
    statistic : object or None
        Statistic of the K bins (`gammafold.stats.kernels`); None where only predictions are wanted.
    signal : tuple of SignalTerm
        Sources.
    background : BackgroundTerm, optional
        Predicted background.
    """

    name: str
    edges_true: Array
    response: Array
    statistic: Any
    signal: tuple[SignalTerm, ...] = ()
    background: BackgroundTerm | None = None

    @property
    def n_bins(self) -> int:
        """K, the number of bins."""
        return len(self.response)


@dataclass(frozen=True, eq=False)
class ParameterSpec:
    """All P parameters of a likelihood, of which p are free.

    Attributes
    ----------
    names : tuple of str, length P
        Names.
    values : array, shape (P,)
        Values, each in its parameter's own unit.
    free : int array, shape (p,)
        Positions of the free ones; these are the arguments of the likelihood.
    lower, upper : array, shape (p,)
        Limits of the free ones; infinite where there are none.
    scale : array, shape (p,)
        A typical size of each free one, > 0.
    logarithmic : bool array, shape (p,), optional
        Which free ones are best thought of on a logarithmic scale while they are positive, such as amplitudes.
        Default: none.
    """

    names: tuple[str, ...]
    values: Array
    free: NDArray[np.intp]
    lower: Array
    upper: Array
    scale: Array
    logarithmic: NDArray[np.bool_] | None = None
