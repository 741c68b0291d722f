"""One stream of random numbers for each block of realisations, whoever draws it.

Realisations are drawn in blocks whose length depends on the problem alone, and block ``b`` of a seed has the stream
``numpy.random.SeedSequence(seed, spawn_key=(b,))``. Any block can be drawn without those before it, and a part of a
block is the beginning of the whole: neither the size of chunks, nor the number of processes, nor the number of
realisations that were asked for can change a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.utils.errors import InputError

__all__ = ["draw_poisson", "seed_entropy"]

Array = NDArray[np.float64]


def seed_entropy(random_state: Any) -> int:
    """Return the number that all random numbers follow from.

    Parameters
    ----------
    random_state : int, `numpy.random.SeedSequence`, `numpy.random.Generator`, `numpy.random.RandomState` or None
        A seed of zero or more, of any size; a generator gives one (and moves on); None asks the system.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> seed_entropy(42), seed_entropy(np.random.SeedSequence(42))
    (42, 42)
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(2, np.uint64)[0])
    if isinstance(random_state, np.random.SeedSequence) and isinstance(random_state.entropy, int):
        if not random_state.spawn_key:
            return random_state.entropy
        # A spawned sequence is its parent's entropy and a key: one number holds both.
        return int.from_bytes(random_state.generate_state(4, np.uint32).tobytes(), "little")
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**63 - 1, dtype=np.int64))
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state >= 0:
            return int(random_state)
        raise InputError(f"random_state is {random_state}: a seed must not be negative")
    raise InputError(
        f"random_state is {random_state!r}: expected an integer seed, a numpy SeedSequence, Generator or "
        "RandomState, or None"
    )


def draw_poisson(expected: Array, entropy: int, block: int, n: int) -> Array:
    """Draw Poisson numbers of the first ``n`` realisations of a block.

    Parameters
    ----------
    expected : array, shape (M,)
        Expected numbers, finite and >= 0.
    entropy : int
        The seed, see `seed_entropy`.
    block : int
        Number of the block.
    n : int
        How many realisations.

    Returns
    -------
    drawn : array, shape (n, M)

    Examples
    --------
    >>> expected = np.array([3.0, 100.0])
    >>> bool((draw_poisson(expected, 1, 7, 9)[:5] == draw_poisson(expected, 1, 7, 5)).all())
    True
    """
    stream = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(block,)))
    return stream.poisson(expected, (n, len(expected))).astype(float)
