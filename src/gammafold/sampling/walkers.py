"""emcee: an ensemble of walkers, every step of all of them one batch of the likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.sampling.posterior import Posterior
from gammafold.sampling.progress import steps
from gammafold.sampling.result import Draws
from gammafold.utils.errors import InputError
from gammafold.utils.optional import require_package

__all__ = ["run_emcee"]

Array = NDArray[np.float64]

# A chain of fewer autocorrelation times says little about its own length (Foreman-Mackey et al. 2013).
_ENOUGH = 50


def run_emcee(
    posterior: Posterior,
    seed: np.random.SeedSequence,
    progress: bool = True,
    n_walkers: int | None = None,
    n_steps: int = 2000,
    n_burn: int = 500,
    thin: int = 1,
    moves: Any = None,
) -> Draws:
    """Sample by the stretch move of Goodman & Weare (2010, Comm. App. Math. Comp. Sci. 5, 65).

    Walkers start from the normal approximation of the posterior.

    Parameters
    ----------
    posterior : Posterior
        What is sampled.
    seed : `numpy.random.SeedSequence`
        Seed.
    progress : bool
        Whether to show a progress bar.
    n_walkers : int, optional
        Even, and more than twice the number of parameters. Default: 32, or more for more than 15 parameters.
    n_steps, n_burn, thin : int
        Steps of each walker that are kept, steps before that are not, and which of the kept ones: every ``thin``-th.
        Defaults: 2000, 500 and 1.
    moves : optional
        Moves of emcee; default is the stretch move.

    Raises
    ------
    MissingPackageError
        If emcee is not installed.
    InputError
        If a number makes no sense.
    """
    require_package("emcee", "sampling")
    import emcee

    count = max(32, 2 * posterior.n_parameters + 2) if n_walkers is None else n_walkers
    if count % 2 or count <= 2 * posterior.n_parameters:
        raise InputError(f"n_walkers is {count}: expected an even number above {2 * posterior.n_parameters}")
    for name, value, least in (("n_steps", n_steps, 1), ("n_burn", n_burn, 0), ("thin", thin, 1)):
        if value < least:
            raise InputError(f"{name} is {value}: expected {least} or more")
    random = np.random.Generator(np.random.PCG64(seed))
    sampler = emcee.EnsembleSampler(count, posterior.n_parameters, posterior.log_prob, moves=moves, vectorize=True)
    state = emcee.State(
        _start(posterior, random, count), random_state=np.random.RandomState(random.integers(2**31)).get_state()
    )
    for _ in steps(sampler.sample(state, iterations=n_burn + n_steps), n_burn + n_steps, "walking", progress):
        pass
    chain, log_prob = sampler.get_chain(discard=n_burn), sampler.get_log_prob(discard=n_burn)
    times = emcee.autocorr.integrated_time(chain, tol=0) if n_steps > 1 else np.full(chain.shape[-1], np.nan)
    return Draws(
        samples=chain[::thin].reshape(-1, chain.shape[-1]),
        log_prob=log_prob[::thin].ravel(),
        diagnostics={
            "acceptance": float(np.mean(sampler.acceptance_fraction)),
            "autocorrelation_time": [float(time) for time in times],
            "n_eff": [float(count * n_steps / time) for time in times],
            "n_walkers": count,
            "n_steps": n_steps,
        },
        warnings=_warnings(posterior, times, n_steps),
    )


def _start(posterior: Posterior, random: np.random.Generator, count: int) -> Array:
    """Return a place for each walker where the posterior is not zero."""
    mode, covariance = posterior.start()
    size = np.sqrt(np.diagonal(covariance))
    root = np.linalg.cholesky(covariance / np.outer(size, size))
    places = np.tile(mode, (count, 1))
    missing = np.ones(count, dtype=bool)
    shrink = 1.0
    for _ in range(60):
        drawn = mode + shrink * (random.standard_normal((count, len(mode))) @ root.T) * size
        places[missing] = drawn[missing]
        missing = ~np.isfinite(posterior.log_prob(places))
        if not missing.any():
            return places
        # Near a limit most of a wide normal law lies outside.
        shrink *= 0.8
    raise InputError(
        f"no start for {int(missing.sum())} of {count} walkers: the posterior is zero all around "
        f"{dict(zip(posterior.labels, mode.tolist(), strict=True))}"
    )


def _warnings(posterior: Posterior, times: Array, n_steps: int) -> list[str]:
    said = []
    if not np.isfinite(times).all() or n_steps < _ENOUGH * times.max():
        said.append(
            f"the chains are short: {n_steps} steps are {n_steps / np.nanmax(times):.0f} autocorrelation times, "
            f"{_ENOUGH} would do; raise n_steps"
        )
    if posterior.n_invalid:
        said.append(f"the statistic was not a number at {posterior.n_invalid} parameter vectors; they count as zero")
    return said
