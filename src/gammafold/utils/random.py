"""One way to ask for random numbers, whatever the user passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammafold.utils.errors import InputError

__all__ = ["RandomStateLike", "get_random_state"]

RandomStateLike = int | np.integer | str | np.random.RandomState | np.random.Generator


def get_random_state(init: RandomStateLike) -> np.random.RandomState | np.random.Generator:
    """Return a random number generator for ``init``.

    Parameters
    ----------
    init : int, "random-seed", "global-rng", `numpy.random.RandomState` or `numpy.random.Generator`
        A seed gives the legacy generator, so that published seeds give the same counts.

    Returns
    -------
    random_state : `numpy.random.RandomState` or `numpy.random.Generator`
        Generator with the methods ``poisson``, ``normal``, ...

    Raises
    ------
    InputError
        If ``init`` is none of the above.

    Examples
    --------
    >>> bool(get_random_state(0).poisson(5.0) == get_random_state(0).poisson(5.0))
    True
    """
    if isinstance(init, np.random.RandomState | np.random.Generator):
        return init
    if isinstance(init, int | np.integer) and not isinstance(init, bool):
        if not 0 <= init < 2**32:
            raise InputError(f"random_state is {init}: a seed must lie in 0 .. 2**32 - 1")
        return np.random.RandomState(init)
    if init == "random-seed":
        return np.random.RandomState()
    if init == "global-rng":
        # numpy's module functions are methods of the global RandomState.
        method: Any = np.random.poisson
        return method.__self__
    raise InputError(
        f"random_state is {init!r}: expected an integer seed, 'random-seed', 'global-rng', "
        "a numpy RandomState or a numpy Generator"
    )
