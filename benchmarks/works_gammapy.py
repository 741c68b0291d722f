"""The works, done with gammapy; run with the python of its own environment."""

from __future__ import annotations

import itertools
import logging
import sys
import warnings
from pathlib import Path

from timing import serve

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

FILES = [Path(name) for name in sys.argv[1:]]


def read():
    from gammapy.datasets import Datasets, SpectrumDatasetOnOff

    return Datasets([SpectrumDatasetOnOff.read(path) for path in FILES])


def many(n):
    from gammapy.datasets import Datasets

    four = read()
    return Datasets([four[i % 4].copy(name=f"run-{i}") for i in range(n)])


def power_law():
    from gammapy.modeling.models import PowerLawSpectralModel, SkyModel

    return SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", index=2.5), name="crab")


def log_parabola():
    from gammapy.modeling.models import LogParabolaSpectralModel, SkyModel

    return SkyModel(LogParabolaSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", alpha=2.4, beta=0.1), name="crab")


def stat():
    datasets = read()
    datasets.models = power_law()
    index = datasets.models[0].spectral_model.index
    values = itertools.cycle([2.5, 2.6, 2.7, 2.8])

    def work():
        index.value = next(values)
        return datasets.stat_sum()

    return work


def fit(datasets, model):
    from gammapy.modeling import Fit

    datasets.models = model
    start = [parameter.value for parameter in datasets.parameters]

    def work():
        for parameter, value in zip(datasets.parameters, start, strict=True):
            parameter.value = value
        return Fit().run(datasets)

    return work


def stack_200():
    datasets = many(200)
    return lambda: datasets.stack_reduce(name="stacked")


EDGES = [10**x for x in (-0.15, 0.05, 0.25, 0.45, 0.65, 0.85, 1.05, 1.25, 1.5)]


def flux_points(**options):
    import astropy.units as u
    from gammapy.estimators import FluxPointsEstimator

    datasets = read()
    fit(datasets, power_law())()
    estimator = FluxPointsEstimator(energy_edges=EDGES * u.TeV, source="crab", **options)
    return lambda: estimator.run(datasets)


def light_curve(n):
    import astropy.units as u
    from gammapy.data import GTI
    from gammapy.estimators import LightCurveEstimator

    datasets = many(n)
    for i, dataset in enumerate(datasets):
        start = 1800 * i * u.s
        dataset.gti = GTI.create(start, start + 1687 * u.s, reference_time="2004-12-04T22:00:00")
    datasets.models = power_law()
    estimator = LightCurveEstimator(energy_edges=[1, 10] * u.TeV, source="crab")
    return lambda: estimator.run(datasets)


def simulate_and_fit(n):
    from gammapy.modeling import Fit

    dataset = read()[0]
    dataset.models = log_parabola()
    Fit().run([dataset])
    truth = [parameter.value for parameter in dataset.models.parameters]
    seeds = itertools.count()

    def work():
        for _ in range(n):
            for parameter, value in zip(dataset.models.parameters, truth, strict=True):
                parameter.value = value
            simulated = dataset.copy(name="simulated")
            simulated.models = dataset.models
            simulated.fake(npred_background=dataset.background, random_state=next(seeds))
            Fit().run([simulated])

    return work


def walk(steps):
    import emcee
    import numpy as np

    datasets = read()
    datasets.models = power_law()
    parameters = datasets.models.parameters.free_parameters
    start = np.array([parameter.value for parameter in parameters])

    def log_prob(theta):
        for parameter, value in zip(parameters, theta, strict=True):
            parameter.value = value
        return -0.5 * datasets.stat_sum()

    places = start * (1 + 0.02 * np.random.default_rng(1).standard_normal((32, len(start))))
    return lambda: emcee.EnsembleSampler(32, len(start), log_prob).run_mcmc(places, steps)


serve(
    {
        "read four OGIP observations": lambda: read,
        "joint statistic, public API": stat,
        "joint statistic, Likelihood": stat,
        "power-law fit with covariance": lambda: fit(read(), power_law()),
        "log-parabola fit with covariance": lambda: fit(read(), log_parabola()),
        "joint fit of 200 observations": lambda: fit(many(200), power_law()),
        "stack of 200 observations": stack_200,
        "flux points of 8 bins": flux_points,
        "flux points of 8 bins, all options": lambda: flux_points(selection_optional="all"),
        "light curve, per time bin": lambda: light_curve(20),
        "simulate and fit, per spectrum": lambda: simulate_and_fit(5),
        "emcee, per step of 32 walkers": lambda: walk(4),
    },
    per={"light curve, per time bin": 20, "simulate and fit, per spectrum": 5, "emcee, per step of 32 walkers": 4},
)
