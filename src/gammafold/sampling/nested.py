"""Nested sampling (Skilling 2006, Bayesian Anal. 1, 833): posterior and evidence."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.sampling.posterior import Posterior
from gammafold.sampling.result import Draws
from gammafold.utils.errors import InputError, MissingPackageError
from gammafold.utils.optional import require_package

__all__ = ["run_dynesty", "run_ultranest"]

Array = NDArray[np.float64]


def run_dynesty(
    posterior: Posterior,
    seed: np.random.SeedSequence,
    progress: bool = True,
    n_live: int = 500,
    dlogz: float = 0.1,
    sample: str = "auto",
    bound: str = "multi",
) -> Draws:
    """Sample with dynesty (Speagle 2020, MNRAS 493, 3132).

    Parameters
    ----------
    posterior : Posterior
        What is sampled.
    seed : `numpy.random.SeedSequence`
        Seed.
    progress : bool
        Whether to show dynesty's progress line.
    n_live : int
        Live points. Default: 500.
    dlogz : float
        Stop when the evidence that may be left is this small. Default: 0.1.
    sample, bound : str
        Of `dynesty.NestedSampler`.

    Raises
    ------
    MissingPackageError
        If dynesty is not installed.
    InputError
        If a parameter has neither a prior nor two limits, or ``n_live`` is too small.
    """
    require_package("dynesty", "sampling")
    import dynesty

    transform = _Cube(posterior)
    _check_live(n_live, posterior)
    random = np.random.Generator(np.random.PCG64(seed))
    sampler = dynesty.NestedSampler(
        lambda theta: float(posterior.log_likelihood(theta[None])[0]),
        lambda cube: transform(cube[None])[0],
        posterior.n_parameters,
        nlive=n_live,
        sample=sample,
        bound=bound,
        rstate=random,
    )
    sampler.run_nested(dlogz=dlogz, print_progress=progress)
    results = sampler.results
    weights = results.importance_weights()
    return _draws(
        posterior,
        np.asarray(results.samples),
        weights,
        random,
        evidence=(float(results.logz[-1]), float(results.logzerr[-1])),
        n_evaluations=int(np.sum(results.ncall)),
    )


def run_ultranest(
    posterior: Posterior,
    seed: np.random.SeedSequence,
    progress: bool = True,
    n_live: int = 400,
    dlogz: float = 0.1,
    frac_remain: float = 0.01,
    n_batch: int = 128,
) -> Draws:
    """Sample with UltraNest (Buchner 2021, JOSS 6, 3001), which evaluates many points in one call.

    Parameters
    ----------
    posterior : Posterior
        What is sampled.
    seed : `numpy.random.SeedSequence`
        Seed. UltraNest draws from NumPy's global state, which is put back afterwards.
    progress : bool
        Whether to show UltraNest's status.
    n_live : int
        Least number of live points. Default: 400.
    dlogz : float
        Wanted error of the logarithm of the evidence. Default: 0.1.
    frac_remain : float
        Stop when this share of the evidence may be left. Default: 0.01.
    n_batch : int
        Least number of points in one call. Default: 128.

    Raises
    ------
    MissingPackageError
        If ultranest is not installed.
    InputError
        If a parameter has neither a prior nor two limits, or ``n_live`` is too small.
    """
    try:
        import ultranest
    except ImportError as error:
        raise MissingPackageError(
            "ultranest is not installed: pip install ultranest (it needs a C compiler)"
        ) from error

    _check_live(n_live, posterior)
    transform = _Cube(posterior)
    state = np.random.get_state()
    try:
        np.random.seed(int(seed.generate_state(1)[0]))
        sampler = ultranest.ReactiveNestedSampler(
            list(posterior.labels), posterior.log_likelihood, transform, vectorized=True, ndraw_min=n_batch
        )
        if not progress:
            sampler.logger.setLevel(logging.WARNING)
        found = sampler.run(
            min_num_live_points=n_live,
            dlogz=dlogz,
            frac_remain=frac_remain,
            show_status=progress,
            viz_callback=False,
        )
    finally:
        np.random.set_state(state)
    weighted = found["weighted_samples"]
    return _draws(
        posterior,
        np.asarray(weighted["points"]),
        np.asarray(weighted["weights"]),
        np.random.Generator(np.random.PCG64(seed)),
        evidence=(float(found["logz"]), float(found["logzerr"])),
        n_evaluations=int(found["ncall"]),
    )


class _Cube:
    """From chances (N, p) between 0 and 1 to parameters (N, p)."""

    def __init__(self, posterior: Posterior) -> None:
        self._densities = posterior.densities()

    def __call__(self, chances: Array) -> Array:
        columns = [density.quantile(chances[:, i]) for i, density in enumerate(self._densities)]
        return np.stack(columns, axis=-1)


def _check_live(n_live: int, posterior: Posterior) -> None:
    least = 2 * posterior.n_parameters + 1
    if n_live < least:
        raise InputError(f"n_live is {n_live}: expected {least} or more for {posterior.n_parameters} parameters")


def _draws(
    posterior: Posterior,
    points: Array,
    weights: Array,
    random: np.random.Generator,
    evidence: tuple[float, float],
    n_evaluations: int,
) -> Draws:
    """Return samples of equal weight: systematic resampling keeps the noise below that of single draws."""
    weights = weights / weights.sum()
    n_eff = float(1.0 / np.sum(weights**2))
    count = max(1, int(n_eff))
    places = (random.random() + np.arange(count)) / count
    chosen = np.searchsorted(np.cumsum(weights), places).clip(max=len(weights) - 1)
    samples = points[random.permutation(chosen)]
    diagnostics: dict[str, Any] = {"n_eff": n_eff, "n_evaluations": n_evaluations}
    return Draws(samples, posterior.log_prob(samples), diagnostics, evidence=evidence)
