"""Compare gammafold with its peers, each in an environment of its own, in alternation, on one core.

    make bench

prints medians over rounds and ratios as a table, and writes them to ``benchmarks/results.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gammafold.samples import sample_files

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".peers"
PYTHONS = {
    "gammafold": Path(sys.executable),
    "gammapy": PEERS / "gammapy" / "bin" / "python",
    "sherpa": PEERS / "sherpa" / "bin" / "python",
    "numpy": Path(sys.executable),
}
IMPORTS = {
    "gammafold": "import gammafold.datasets, gammafold.modeling, gammafold.modeling.models",
    "gammapy": "import gammapy.datasets, gammapy.modeling, gammapy.modeling.models",
    "sherpa": "import sherpa.astro.ui",
}
# The ratio to gammapy that each work must not exceed.
GOALS = json.loads((HERE / "goals.json").read_text())
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def pin_to_one_core() -> None:
    """Keep a worker on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Worker:
    """A package's process, which times one work after the other on request."""

    def __init__(self, package: str, files: list[str]) -> None:
        self.process = subprocess.Popen(
            [str(PYTHONS[package]), str(HERE / f"works_{package}.py"), *files],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_CORE},
            preexec_fn=pin_to_one_core,
        )
        self.works = set(self._answer())

    def _answer(self):
        while line := self.process.stdout.readline():
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                # A package may print a greeting of its own.
                continue
        raise SystemExit(f"a worker died with exit code {self.process.wait()}")

    def time(self, work: str) -> float:
        """Median seconds of one work."""
        print(work, file=self.process.stdin, flush=True)
        return self._answer()


def time_import(package: str) -> float:
    """Seconds that a fresh interpreter needs for the package's imports."""
    code = f"import time; t = time.perf_counter(); {IMPORTS[package]}; print(time.perf_counter() - t)"
    done = subprocess.run(
        [str(PYTHONS[package]), "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **ONE_CORE},
        preexec_fn=pin_to_one_core,
    )
    return float(done.stdout.split()[-1])


def collect(packages: list[str], works: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """Median seconds, by work and package; the packages take turns in every round."""
    files = [str(path) for path in sample_files("crab-hess")]
    workers = {package: Worker(package, files) for package in packages}
    times: dict[str, dict[str, list[float]]] = {work: {} for work in works}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * len(works))
        for _ in range(rounds):
            for work in works:
                for package in packages:
                    if work == "import" and package in IMPORTS:
                        seconds = time_import(package)
                    elif work in workers[package].works:
                        seconds = workers[package].time(work)
                    else:
                        continue
                    times[work].setdefault(package, []).append(seconds)
                progress.advance(task)
    return {work: {p: statistics.median(t) for p, t in row.items()} for work, row in times.items()}


def report(medians: dict[str, dict[str, float]], packages: list[str]) -> Table:
    """Table of medians and of the ratios of the peers to gammafold."""
    table = Table(title="median times on one core")
    table.add_column("work")
    for package in packages:
        table.add_column(f"{package} (ms)", justify="right")
    for heading in ("gammapy / ours", "goal", "ours / numpy"):
        table.add_column(heading, justify="right")
    for work, row in medians.items():
        ours = row.get("gammafold")
        cells = [f"{1e3 * row[p]:.4g}" if p in row else "" for p in packages]
        ratio = f"{row['gammapy'] / ours:.1f}" if ours and "gammapy" in row else ""
        bare = f"{ours / row['numpy']:.2f}" if ours and "numpy" in row else ""
        table.add_row(work, *cells, ratio, str(GOALS.get(work, "")), bare)
    return table


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", help="measure works whose name contains this")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    packages = [package for package, python in PYTHONS.items() if python.exists()]
    works = [w for w in GOALS if not options.only or any(part in w for part in options.only)]
    medians = collect(packages, works, options.rounds)
    Console(width=140).print(report(medians, packages))
    options.output.write_text(json.dumps({"seconds": medians, "goals": GOALS}, indent=2) + "\n")


if __name__ == "__main__":
    main()
