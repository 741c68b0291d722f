"""Simulate data from a model and fit them, many times: what errors, biases and coverage really are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gammafold.datasets.collection import Datasets, as_datasets
from gammafold.ensemble.block import ERRORS, PROFILES, FitRows, fit_realisations
from gammafold.ensemble.freedom import only_free, parameter_labels
from gammafold.ensemble.problem import BACKGROUNDS, ENGINES, EnsembleProblem, drawn_fields, make_problem
from gammafold.ensemble.result import EnsembleResult
from gammafold.ensemble.streams import seed_entropy
from gammafold.ensemble.work import check_client, positive, run_spans, spans
from gammafold.likelihood.joint_statistic import JointStatistic
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling.fit import ready_likelihood
from gammafold.utils.errors import FitError, InputError

__all__ = ["ensemble_problem", "realisation", "simulate_and_fit"]


def simulate_and_fit(
    datasets: Any,
    n_sim: int,
    random_state: Any = None,
    free: Sequence[Any] | None = None,
    client: Any = None,
    chunk_size: int | None = None,
    progress: bool = True,
    background: str = "profiled",
    errors: str = "fisher",
    profile: str = "none",
    engine: str = "numpy",
) -> EnsembleResult:
    """Draw data from the models of datasets as they are now, and fit each realisation.

    Counts are Poisson numbers with the predicted counts as expectation; for on-off datasets, counts and off
    counts. Only bins inside the masks are drawn. Every fit starts at the truth, by batched Fisher scoring
    (`gammafold.likelihood.fisher_scoring`); one that does not converge is handed to Minuit, and if that fails too
    the realisation is flagged. Nothing of the datasets changes.

    One seed gives the same numbers, bit for bit, for any ``chunk_size`` and any number of workers on machines of
    one kind (see `gammafold.ensemble.streams`); the counts that are drawn are the same everywhere.

    Parameters
    ----------
    datasets : Datasets, Dataset or list of Dataset
        With models, responses and counts. The counts of Cash datasets do not matter (zeros will do).
    n_sim : int
        Number of realisations.
    random_state : int, `numpy.random.SeedSequence`, `numpy.random.Generator` or `numpy.random.RandomState`, optional
        Seed. Default: one that the system gives; the result knows it.
    free : list of str or Parameter, optional
        Parameters to fit, by themselves or by their names as in ``datasets.likelihood().names``; all others are
        held at the truth. Default: those that are not frozen.
    client : `dask.distributed.Client`, optional
        Compute on its cluster, chunk by chunk. Default: in this process.
    chunk_size : int, optional
        Realisations per chunk, rounded up to whole blocks of 4000 (less for large problems). Default: one block
        in this process, and eight chunks per worker of a cluster.
    progress : bool
        Whether to show a progress bar on standard error. Default: True.
    background : {"profiled", "smoothed", "measured"}
        Expected background of on-off datasets, bin by bin: the one that fits data and model best, as in
        ``dataset.npred()``; the same smoothed over neighbouring bins that have ten off counts together, which resembles
        the truth more where off counts are few; or ``alpha * counts_off``. Default: "profiled".
    errors : {"fisher", "hessian"}
        What errors are computed from, at each minimum: the expected information, or the observed information that
        a single `Fit` uses, which costs about as much again as the fit. Default: "fisher".
    profile : {"none", "truth", "intervals"}
        Whether the profile likelihood of each parameter is followed to the truth, which is what the coverage of its
        intervals needs (`EnsembleResult.coverage`), or to the ends of 68 % intervals too (``result.rows.errn``,
        ``errp``), which takes some ten times as long as the fits. Default: "none".
    engine : {"numpy", "jax"}
        What minimises: NumPy, or one vectorised JAX program on the device that JAX has (extra ``jax``; on a CPU it is
        slower than NumPy). Both draw the same counts and end at the same minima, to a small fraction of an error.
        Default: "numpy".

    Returns
    -------
    result : EnsembleResult
        After an interrupt, with the realisations that were done.

    Raises
    ------
    InputError, InputTypeError, UnknownNameError
        If an argument is not of the kind above, or a dataset lacks counts or exposure.
    FitError
        If there is no model, no free parameter, or no bin to fit.

    Examples
    --------
    >>> from gammafold.datasets import SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    >>> dataset.models = SkyModel(PowerLawSpectralModel(index=2.6, amplitude="4.5e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> result = simulate_and_fit(dataset, 200, random_state=1, progress=False)
    >>> result.n_success
    200
    >>> bool(abs(result.pulls.mean()) < 0.2)
    True
    """
    n_sim = positive("n_sim", n_sim)
    check_client(client)
    problem = ensemble_problem(datasets, random_state, free, background, errors, profile, engine)
    parts = spans(n_sim, problem.block_size, chunk_size, client)
    done = run_spans(fit_realisations, problem, parts, client, progress, "simulating and fitting")
    if not done:
        raise FitError(f"none of {n_sim} realisations was computed")
    return EnsembleResult.from_rows(problem, FitRows.join(done), n_sim)


def realisation(
    datasets: Any, number: int, random_state: Any, free: Sequence[Any] | None = None, background: str = "profiled"
) -> Datasets:
    """Return copies of datasets with the counts of one realisation, to look at it more closely.

    Parameters
    ----------
    datasets, random_state, free, background
        As they were given to `simulate_and_fit`; the seed must be a number.
    number : int
        Number of the realisation, >= 0.

    Returns
    -------
    datasets : Datasets
        Copies with the same models. Bins outside the masks, which are never drawn, have no counts.

    Raises
    ------
    InputError
        If the number is negative, or the seed is not a number.

    Examples
    --------
    >>> from gammafold.datasets import SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    >>> dataset.models = SkyModel(PowerLawSpectralModel(index=2.6, amplitude="4.5e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> result = simulate_and_fit(dataset, 20, random_state=1, progress=False)
    >>> again = realisation(dataset, 7, random_state=1)
    >>> bool(again[0].counts.data.sum() == result.rows.counts[7])
    True
    """
    if random_state is None or isinstance(random_state, np.random.Generator | np.random.RandomState):
        raise InputError(f"random_state is {random_state!r}: expected the seed of an ensemble, a number")
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
        raise InputError(f"number is {number!r}: expected the number of a realisation, 0 or more")
    collection = _collection(datasets)
    problem = ensemble_problem(collection, random_state, free, background)
    statistic = problem.draw(int(number), int(number) + 1)
    copies = []
    for dataset in collection:
        member = dataset.copy(name=dataset.name)
        member.models = dataset.models
        _set_data(member, statistic, problem.likelihood.slices[dataset.name])
        copies.append(member)
    return Datasets(copies)


def _set_data(dataset: Any, statistic: JointStatistic, bins: slice) -> None:
    """Set the drawn data of one row on a dataset."""
    mask = np.ones(dataset.counts.data.size, bool) if dataset.mask is None else dataset.mask.data.reshape(-1)
    names = {"counts": "counts", "n_on": "counts", "n_off": "counts_off"}
    for rows, kernel in statistic.parts:
        if rows.start <= bins.start and bins.stop <= rows.stop:
            for field in drawn_fields(kernel):
                data = np.zeros(mask.size)
                data[mask] = getattr(kernel, field)[0, bins.start - rows.start : bins.stop - rows.start]
                held = getattr(dataset, names[field])
                setattr(dataset, names[field], RegionNDMap(held.geom, data=data.reshape(held.data.shape)))


def ensemble_problem(
    datasets: Any,
    random_state: Any,
    free: Sequence[Any] | None,
    background: str = "profiled",
    errors: str = "fisher",
    profile: str = "none",
    engine: str = "numpy",
) -> EnsembleProblem:
    """Check what `simulate_and_fit` was given, and compile it."""
    if background not in BACKGROUNDS:
        raise InputError(f"background is {background!r}: expected one of {BACKGROUNDS}")
    if errors not in ERRORS:
        raise InputError(f"errors is {errors!r}: expected one of {ERRORS}")
    if profile not in PROFILES:
        raise InputError(f"profile is {profile!r}: expected one of {PROFILES}")
    if engine not in ENGINES:
        raise InputError(f"engine is {engine!r}: expected one of {ENGINES}")
    entropy = seed_entropy(random_state)
    collection = _collection(datasets)
    with only_free(collection, free):
        likelihood = ready_likelihood(collection)
        parameters = collection.parameters.unique_parameters.free_parameters
        labels = parameter_labels(collection, parameters)
        units = [str(parameter.unit) for parameter in parameters]
    return make_problem(likelihood, entropy, background, errors, labels, units, profile, engine)


def _collection(datasets: Any) -> Datasets:
    collection = as_datasets(datasets)
    if len(collection) == 0:
        raise InputError("no datasets: there is nothing to simulate")
    for dataset in collection:
        if getattr(dataset, "counts", None) is None:
            raise InputError(
                f"dataset {dataset.name!r} has no counts, and so no bins to simulate: set counts (zeros will do)"
            )
        if not dataset.models:
            raise FitError(f"dataset {dataset.name!r} has no model: there is nothing to simulate")
    return collection
