"""Simulate and fit log parabolas in JAX, on the device that JAX has, against NumPy on one core.

    python benchmarks/ensemble_jax.py --spectra 1000000

The response is that of one H.E.S.S. run on the Crab nebula, with 3 free parameters. Both engines draw the same counts.
"""

from __future__ import annotations

import os

# One core for NumPy: set before it is imported.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import time
from functools import partial

import jax
import numpy as np

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.ensemble import EnsembleResult, simulate_and_fit
from gammafold.modeling import Fit
from gammafold.modeling.models import LogParabolaSpectralModel, SkyModel
from gammafold.samples import sample_files


def timed(run, n: int) -> tuple[EnsembleResult, float]:
    """Return the result of ``run(n)``, and the seconds it took."""
    start = time.perf_counter()
    result = run(n)
    return result, time.perf_counter() - start


def main() -> None:
    """Measure, and print seconds and spectra per second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spectra", type=int, default=1_000_000, help="in JAX")
    parser.add_argument("--numpy-spectra", type=int, default=40_000, help="in NumPy, on one core")
    options = parser.parse_args()
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    dataset.models = SkyModel(LogParabolaSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", alpha=2.4, beta=0.1))
    Fit().run(dataset)
    run = partial(simulate_and_fit, dataset, random_state=1, progress=False)

    ours, numpy_seconds = timed(partial(run, engine="numpy"), options.numpy_spectra)
    print(f"NumPy, one core: {options.numpy_spectra / numpy_seconds:.0f} spectra per second")
    _, compiling = timed(partial(run, engine="jax"), 4000)
    found, seconds = timed(partial(run, engine="jax"), options.spectra)
    print(f"JAX on {jax.devices()[0].device_kind}: {options.spectra} spectra in {seconds:.1f} s, compilation included")
    print(f"{options.spectra / seconds:.0f} spectra per second; the first 4000, mostly compilation, {compiling:.1f} s")

    n = min(len(ours), len(found))
    both = ours.success[:n] & found.success[:n]
    distance = np.abs(found.values[:n] - ours.values[:n])[both] / ours.errors[:n][both]
    close = np.mean(distance.max(axis=1) < 1e-3)
    print(f"{found.n_success} converged; of {both.sum()} fits in both, {close:.2%} agree to 1e-3 of an error")


if __name__ == "__main__":
    main()
