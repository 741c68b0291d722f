"""The same ensemble on a real cluster of processes: equal numbers, deaths, interrupts."""

import os
import signal
import sys
import time
import warnings

import numpy as np
import pytest

from gammafold.ensemble import simulate_and_fit
from gammafold.ensemble.work import run_spans, spans
from gammafold.utils.errors import GammafoldWarning, InputError

distributed = pytest.importorskip("distributed")

# Sockets and processes that dask closes when it is collected are its own affair.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


# Workers cannot import a module of tests: its functions travel by value.
pytest.importorskip("cloudpickle").register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def client():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
            ) as cluster,
            distributed.Client(cluster) as connected,
        ):
            yield connected


def slow_square(problem, first, last):
    """Work for a cluster: it takes its time, and says who did it."""
    time.sleep(problem["seconds"])
    if problem.get("fails") == first:
        raise InputError(f"chunk {first} cannot be computed")
    return [number**2 for number in range(first, last)], os.getpid()


def test_workers_give_the_same_numbers_as_this_process(make, client, monkeypatch):
    monkeypatch.setattr("gammafold.ensemble.problem._BLOCK", 50)
    dataset = make.crab_run()
    here = simulate_and_fit(dataset, 170, 1, progress=False)
    there = simulate_and_fit(dataset, 170, 1, client=client, chunk_size=50, progress=False)
    for left, right in zip(
        (here.values, here.errors, here.stat, here.rows.counts, here.rows.number),
        (there.values, there.errors, there.stat, there.rows.counts, there.rows.number),
        strict=True,
    ):
        np.testing.assert_array_equal(left, right)


def test_a_worker_that_is_killed_in_the_middle(client):
    """The worker that did the first chunk is killed while others are under way."""
    victims = []

    class Kill:
        """A bar that kills a worker after the first chunk."""

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def __call__(self, n):
            if not victims:
                victims.append(next(iter(client.run(os.getpid).values())))
                os.kill(victims[0], signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gammafold.ensemble.work._bar", lambda *arguments: Kill())
        done = run_spans(slow_square, {"seconds": 0.1}, spans(16, 1, 1), client, progress=True)
    assert victims
    assert sorted(number for result, _ in done for number in result) == [number**2 for number in range(16)]


def test_an_error_on_a_worker_is_raised_here(client):
    with pytest.raises(InputError, match="chunk 3 cannot be computed"):
        run_spans(slow_square, {"seconds": 0.0, "fails": 3}, spans(6, 1, 1), client, progress=False)


def test_an_interrupt_keeps_what_is_done(client):
    class Interrupt:
        """A bar at which somebody presses ctrl-c after the second chunk."""

        seen = 0

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def __call__(self, n):
            self.seen += 1
            if self.seen == 2:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gammafold.ensemble.work._bar", lambda *arguments: Interrupt())
        with pytest.warns(GammafoldWarning, match="interrupted: 2 of 40 are done and kept"):
            done = run_spans(slow_square, {"seconds": 0.2}, spans(40, 1, 1), client, progress=True)
    assert len(done) == 2


def test_an_interrupt_without_a_cluster(make, monkeypatch):
    monkeypatch.setattr("gammafold.ensemble.problem._BLOCK", 10)
    from gammafold.ensemble import simulate

    fit = simulate.fit_realisations

    def impatient(problem, first, last):
        if first == 20:
            raise KeyboardInterrupt
        return fit(problem, first, last)

    monkeypatch.setattr(simulate, "fit_realisations", impatient)
    with pytest.warns(GammafoldWarning, match="interrupted: 20 of 50 are done and kept"):
        result = simulate_and_fit(make.crab_run(), 50, 1, progress=False)
    assert len(result) == 20
    assert not result.is_complete


def test_a_cluster_that_is_lost_keeps_what_is_done():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
        )
        lost = distributed.Client(cluster)

    class Close:
        """A bar at which the cluster goes away after the first chunk."""

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def __call__(self, n):
            lost.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gammafold.ensemble.work._bar", lambda *arguments: Close())
        with pytest.warns(GammafoldWarning, match=r"the cluster was lost.*: \d+ of 30 are done and kept"):
            done = run_spans(slow_square, {"seconds": 0.1}, spans(30, 1, 1), lost, progress=True)
    cluster.close()
    assert 1 <= len(done) < 30


# -- joint fits


def load_run(number):
    """One of the Crab runs, read on a worker, under a name of its own."""
    from gammafold.datasets import SpectrumDatasetOnOff
    from gammafold.samples import sample_files

    if number == "missing":
        raise InputError("there is no such run")
    return SpectrumDatasetOnOff.read(sample_files("crab-hess")[number % 4]).copy(name=f"run-{number}")


def test_a_joint_fit_on_a_cluster_is_that_of_one_process(make, client):
    from gammafold.datasets import Datasets
    from gammafold.ensemble import DistributedDatasets
    from gammafold.modeling import Fit
    from gammafold.modeling.models.prior import GaussianPrior

    here = Datasets([load_run(number) for number in range(10)])
    results = []
    for backend in ("minuit", "fisher-scoring"):
        model = make.power_law()
        model.parameters["index"].prior = GaussianPrior(mu=2.5, sigma=0.05)
        there = DistributedDatasets(client, load_run, range(10), model, n_parts=3)
        found = Fit(backend).run(there)
        assert found.success
        assert model.parameters["index"].value == found.values[0]
        here.models = make.power_law()
        here.models.parameters["index"].prior = GaussianPrior(mu=2.5, sigma=0.05)
        expected = Fit(backend).run(here)
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-6)
        np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-5)
        assert found.total_stat == pytest.approx(expected.total_stat, rel=1e-10)
        assert found.n_data == expected.n_data
        results.append(found)
    likelihood, one = there.likelihood(), here.likelihood()
    theta = likelihood.x0 * np.array([[1.0, 1.0], [1.05, 0.9]])
    np.testing.assert_allclose(likelihood.stat(theta), one.stat(theta), rtol=1e-12)
    np.testing.assert_allclose(likelihood.gradient(theta), one.gradient(theta), rtol=1e-7)
    np.testing.assert_allclose(likelihood.fisher(theta), one.fisher(theta), rtol=1e-9)
    assert likelihood.names == one.names
    assert likelihood.diagnose(likelihood.x0) == "every bin is finite"
    assert "dataset 'run-0'" in likelihood.diagnose(np.array([np.nan, 1.0]))


def test_a_worker_that_is_killed_in_the_middle_of_a_joint_fit(make, client, tmp_path):
    from gammafold.datasets import Datasets
    from gammafold.ensemble import DistributedDatasets
    from gammafold.modeling import Fit
    from gammafold.modeling.models import LogParabolaSpectralModel, SkyModel

    reads = tmp_path / "reads.txt"

    def load(number):
        with reads.open("a") as file:
            file.write(f"{number}\n")
        return load_run(number)

    there = DistributedDatasets(client, load, range(8), make.power_law(), n_parts=4)
    Fit("fisher-scoring").run(there)
    # Another model is fitted to what was read for the first one.
    there.models = [SkyModel(LogParabolaSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", reference="1 TeV", beta=0.1))]
    likelihood = there.likelihood()
    assert sorted(reads.read_text().split()) == [str(number) for number in range(8)]

    expected = Datasets([load_run(number) for number in range(8)])
    expected.models = there.models.copy()
    before = likelihood.stat(likelihood.x0)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    assert likelihood.stat(likelihood.x0) == before
    np.testing.assert_allclose(Fit().run(there).values, Fit().run(expected).values, rtol=1e-6)
    # Only the parts of the worker that died were read again.
    assert 8 < len(reads.read_text().split()) < 16


def test_a_part_that_cannot_be_read_is_told(make, client):
    from gammafold.ensemble import DistributedDatasets
    from gammafold.utils.errors import FitError

    datasets = DistributedDatasets(client, load_run, [0, "missing"], make.power_law())
    assert len(datasets) == 2
    with pytest.raises(FitError, match="there is no such run"):
        datasets.likelihood()
    with pytest.raises(InputError, match="no sources"):
        DistributedDatasets(client, load_run, [], make.power_law())
