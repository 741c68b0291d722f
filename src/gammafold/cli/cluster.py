"""The option ``--workers``: a cluster of processes on this machine for as long as a command runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from gammafold.utils.errors import InputError

__all__ = ["cluster_of", "workers_option"]

workers_option = click.option(
    "--workers", "-w", type=click.IntRange(min=1), default=1, show_default=True,
    help="Processes to compute in; more than one needs dask (pip install 'gammafold[dask]').",
)  # fmt: skip


@contextmanager
def cluster_of(workers: int) -> Iterator[Any]:
    """Give a dask client of so many processes, or None for one.

    Raises
    ------
    InputError
        If dask is not installed.
    """
    if workers == 1:
        yield None
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(f"--workers {workers} needs dask: pip install 'gammafold[dask]'") from error
    cluster = LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with cluster, Client(cluster) as client:
        yield client
