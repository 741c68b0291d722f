"""One call for all samplers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gammafold.modeling.fit_result import software_versions
from gammafold.sampling.nested import run_dynesty, run_ultranest
from gammafold.sampling.nuts import run_nuts
from gammafold.sampling.posterior import Posterior
from gammafold.sampling.result import Draws, SamplingResult
from gammafold.sampling.walkers import run_emcee
from gammafold.utils.errors import GammafoldWarning, InputError

__all__ = ["BACKENDS", "Sampler"]

# Each takes the posterior, a seed sequence, whether to show progress, and its own options.
BACKENDS: dict[str, Callable[..., Draws]] = {
    "dynesty": run_dynesty,
    "emcee": run_emcee,
    "nuts": run_nuts,
    "ultranest": run_ultranest,
}


class Sampler:
    """Sample the posterior of the free parameters of datasets.

    Priors are those of the parameters (``parameter.prior``); a parameter without one has a constant density between
    its limits. For evidences every parameter needs a prior or two limits.

    Parameters
    ----------
    backend : {"emcee", "nuts", "dynesty", "ultranest"}
        "emcee": affine-invariant walkers (Goodman & Weare 2010), all of them one batch of the likelihood.
        "nuts": the no-U-turn sampler (Hoffman & Gelman 2014) of numpyro, with JAX's gradient (extra ``jax``).
        "dynesty", "ultranest": nested sampling, which gives the evidence too; "ultranest" evaluates in batches.
    random_state : int, `numpy.random.SeedSequence`, `numpy.random.Generator` or `numpy.random.RandomState`, optional
        Seed; the result knows it. Default: one that the system gives.
    progress : bool
        Whether to show a progress bar on standard error. Default: True.
    **options
        Of the backend: see `gammafold.sampling.walkers.run_emcee`, `gammafold.sampling.nuts.run_nuts`,
        `gammafold.sampling.nested.run_dynesty`, `gammafold.sampling.nested.run_ultranest`.

    Raises
    ------
    InputError
        If there is no such backend.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> datasets.models = SkyModel(PowerLawSpectralModel(index=2.7, amplitude="4.6e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> sampler = Sampler("emcee", random_state=1, progress=False, n_steps=1500, n_burn=100)
    >>> result = sampler.run(datasets)
    >>> low, high = result.interval("index")
    >>> bool(2.6 < low < 2.70 < high < 2.8)
    True
    """

    def __init__(self, backend: str = "emcee", random_state: Any = None, progress: bool = True, **options: Any) -> None:
        if backend not in BACKENDS:
            raise InputError(f"no sampling backend {backend!r}: there are {sorted(BACKENDS)}")
        self.backend, self.random_state, self.progress = backend, random_state, progress
        self.options: Mapping[str, Any] = dict(options)

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Sampler({self.backend!r}, random_state={self.random_state!r}{options})"

    def run(self, datasets: Any, update_models: bool = False) -> SamplingResult:
        """Sample, starting from the present values.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            With models and data.
        update_models : bool
            Whether values, errors and covariance of the models are set to the posterior's medians, standard deviations
            and covariance. Default: False.

        Returns
        -------
        result : SamplingResult

        Raises
        ------
        FitError
            If there is nothing to sample.
        InputError
            If an option is not one of the backend's, or a prior is missing that it needs.
        MissingPackageError
            If the backend's package is not installed.
        """
        posterior = Posterior(datasets)
        seed = _seed(self.random_state)
        try:
            draws = BACKENDS[self.backend](posterior, np.random.SeedSequence(seed), self.progress, **self.options)
        except TypeError as error:
            if "unexpected keyword argument" in str(error) and "run_" in str(error):
                raise InputError(f"the backend {self.backend!r} has no such option: {error}") from error
            raise
        for warning in draws.warnings:
            warnings.warn(warning, GammafoldWarning, stacklevel=2)
        result = SamplingResult(
            draws=draws,
            names=posterior.labels,
            units=posterior.units,
            backend=self.backend,
            seed=seed,
            models=posterior.collection.models.copy(),
            versions=software_versions(),
        )
        if update_models:
            result.update(datasets)
        return result


def _seed(random_state: Any) -> int:
    """Return the number that all random numbers of a run follow from."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.SeedSequence):
        return int(random_state.generate_state(1)[0])
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state)
    raise InputError(
        f"random_state is {random_state!r}: expected an integer seed >= 0, a numpy SeedSequence, Generator or "
        "RandomState, or None"
    )
