"""The works, done with gammafold."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from timing import serve

FILES = [Path(name) for name in sys.argv[1:]]


def read():
    from gammafold.datasets import Datasets, SpectrumDatasetOnOff

    return Datasets([SpectrumDatasetOnOff.read(path) for path in FILES])


def many(n):
    from gammafold.datasets import Datasets

    four = read()
    return Datasets([four[i % 4].copy(name=f"run-{i}") for i in range(n)])


def power_law():
    from gammafold.modeling.models import PowerLawSpectralModel, SkyModel

    return SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", index=2.5), name="crab")


def log_parabola():
    from gammafold.modeling.models import LogParabolaSpectralModel, SkyModel

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


def stat_likelihood():
    datasets = read()
    datasets.models = power_law()
    likelihood = datasets.likelihood()
    thetas = []
    for value in (2.5, 2.6, 2.7, 2.8):
        datasets.models[0].spectral_model.index.value = value
        thetas.append(datasets.likelihood().x0)
    cycle = itertools.cycle(thetas)
    return lambda: likelihood.stat(next(cycle))


def fit(datasets, model):
    from gammafold.modeling import Fit

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

    from gammafold.estimators import FluxPointsEstimator

    datasets = read()
    fit(datasets, power_law())()
    estimator = FluxPointsEstimator(energy_edges=EDGES * u.TeV, source="crab", **options)
    return lambda: estimator.run(datasets)


def light_curve(n):
    import astropy.units as u

    from gammafold.data import GTI
    from gammafold.estimators import LightCurveEstimator

    datasets = many(n)
    for i, dataset in enumerate(datasets):
        start = 1800 * i * u.s
        dataset.gti = GTI.create(start, start + 1687 * u.s, reference_time="2004-12-04T22:00:00")
    datasets.models = power_law()
    estimator = LightCurveEstimator(energy_edges=[1, 10] * u.TeV, source="crab")
    return lambda: estimator.run(datasets)


def simulate_and_fit(n):
    from gammafold import ensemble
    from gammafold.modeling import Fit

    dataset = read()[0]
    dataset.models = log_parabola()
    Fit().run(dataset)
    return lambda: ensemble.simulate_and_fit(dataset, n, random_state=1, progress=False)


def walk(steps):
    from gammafold.sampling import Sampler

    datasets = read()
    datasets.models = power_law()
    sampler = Sampler("emcee", random_state=1, progress=False, n_walkers=32, n_steps=steps, n_burn=0)
    return lambda: sampler.run(datasets)


serve(
    {
        "read four OGIP observations": lambda: read,
        "joint statistic, public API": stat,
        "joint statistic, Likelihood": stat_likelihood,
        "power-law fit with covariance": lambda: fit(read(), power_law()),
        "log-parabola fit with covariance": lambda: fit(read(), log_parabola()),
        "joint fit of 200 observations": lambda: fit(many(200), power_law()),
        "joint fit of 2000 observations": lambda: fit(many(2000), power_law()),
        "stack of 200 observations": stack_200,
        "flux points of 8 bins": flux_points,
        "flux points of 8 bins, all options": lambda: flux_points(selection_optional="all"),
        "light curve, per time bin": lambda: light_curve(1000),
        "simulate and fit, per spectrum": lambda: simulate_and_fit(10_000),
        "emcee, per step of 32 walkers": lambda: walk(1000),
    },
    per={
        "light curve, per time bin": 1000,
        "simulate and fit, per spectrum": 10_000,
        "emcee, per step of 32 walkers": 1000,
    },
)
