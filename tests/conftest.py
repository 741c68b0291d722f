"""Settings and fixtures for all tests: reproducible property tests, larger shared data, and real peers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

matplotlib.use("agg")
settings.register_profile("gammafold", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("gammafold")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Close what a test has drawn: the next one gets axes of its own."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data that are too large or not free to ship; tests skip without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared data beside the repository")
    return folder


@pytest.fixture(scope="session")
def run_peer() -> Callable[..., Any]:
    """Run a script in the environment of a peer package, and return what it prints last, as JSON.

    ``run_peer("gammapy", code, *arguments)``; the test skips where `make peers` did not install the peer.
    """

    def run(package: str, code: str, *arguments: object) -> Any:
        python = ROOT / ".peers" / package / "bin" / "python"
        if not python.exists():
            pytest.skip(f"{package} is not installed: run make peers")
        done = subprocess.run(
            [str(python), "-W", "ignore", "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run
