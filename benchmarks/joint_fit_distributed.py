"""A joint fit of 10,000 observations on a cluster of processes: seconds, and memory of each process.

    python benchmarks/joint_fit_distributed.py --observations 10000 --workers 2

The observations are the four Crab runs that ship with the package, again and again, with counts of their own.
"""

from __future__ import annotations

import argparse
import resource
import time
from functools import cache

import numpy as np
from distributed import Client, LocalCluster

from gammafold.ensemble import DistributedDatasets
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel


@cache
def read(number: int):
    from gammafold.datasets import SpectrumDatasetOnOff
    from gammafold.samples import sample_files

    return SpectrumDatasetOnOff.read(sample_files("crab-hess")[number])


def load(number: int):
    """Observation ``number``, with counts drawn around those that were seen."""
    dataset = read(number % 4).copy(name=f"run-{number}")
    random = np.random.default_rng(number)
    for part in (dataset.counts, dataset.counts_off):
        part.data = random.poisson(part.data).astype(float)
    return dataset


def peak_memory() -> float:
    """Largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Fit, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--observations", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    model = SkyModel(PowerLawSpectralModel(index=2.5, amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    cluster = LocalCluster(
        n_workers=options.workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    )
    with cluster, Client(cluster) as client:
        datasets = DistributedDatasets(client, load, range(options.observations), model)
        start = time.perf_counter()
        likelihood = datasets.likelihood()
        compiled = time.perf_counter()
        likelihood.normal_equations(likelihood.x0[None])
        evaluated = time.perf_counter()
        result = Fit(on_failure="report").run(datasets)
        fitted = time.perf_counter()
        print(result)
        print(f"{options.observations} observations, {likelihood.n_data} bins, {options.workers} workers")
        print(f"read and compile {compiled - start:.1f} s, one evaluation {1e3 * (evaluated - compiled):.0f} ms")
        print(f"compile and fit {fitted - evaluated:.1f} s")
        workers = ", ".join(f"{memory:.0f}" for memory in client.run(peak_memory).values())
        print(f"peak memory: {workers} MB in the workers, {peak_memory():.0f} MB here")


if __name__ == "__main__":
    main()
