"""Ensembles: what is drawn, how it is fitted, and what is refused."""

import astropy.units as u
import numpy as np
import pytest

from gammafold.datasets import Datasets
from gammafold.ensemble import realisation, simulate_and_fit
from gammafold.ensemble.block import fit_block
from gammafold.ensemble.simulate import ensemble_problem
from gammafold.ensemble.streams import draw_poisson, seed_entropy
from gammafold.modeling import Fit
from gammafold.modeling.models import SkyModel, SpectralModel
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FitError, InputError, InputTypeError, UnknownNameError


def run(datasets, n_sim=50, random_state=1, **kwargs):
    return simulate_and_fit(datasets, n_sim, random_state, progress=False, **kwargs)


# -- what is drawn


def test_counts_are_poisson_numbers_of_the_prediction(make):
    dataset = make.counting(counts=30.0)
    expected = dataset.npred().data.reshape(-1)
    drawn = draw_poisson(ensemble_problem(dataset, 1, None).expected, 3, 0, 20_000)
    np.testing.assert_allclose(drawn.mean(axis=0), expected, atol=5 * np.sqrt(expected.max() / 20_000))
    np.testing.assert_allclose(drawn.var(axis=0), expected, rtol=0.1)


def test_on_off_data_are_drawn_from_model_and_background(make):
    dataset = make.crab_run()
    mask = dataset.mask.data.reshape(-1)
    alpha = dataset.alpha.data.reshape(-1)[mask]
    profiled, measured = (ensemble_problem(dataset, 1, None, which).expected for which in ("profiled", "measured"))
    on, off = np.split(profiled, 2)
    np.testing.assert_allclose(on, dataset.npred().data.reshape(-1)[mask], rtol=1e-10)
    np.testing.assert_allclose(off * alpha, on - dataset.npred_signal().data.reshape(-1)[mask], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(np.split(measured, 2)[1], dataset.counts_off.data.reshape(-1)[mask], rtol=1e-12)


def test_a_smoothed_background_stays_inside_each_dataset(make):
    datasets = Datasets([make.crab_run(0), make.crab_run(1)])
    datasets[1].models = datasets[0].models
    datasets[1].counts_off.data *= 100
    likelihood = datasets.likelihood()
    _, kernel = likelihood.statistic.parts[0]
    profiled, smoothed = (ensemble_problem(datasets, 1, None, which).expected for which in ("profiled", "smoothed"))
    (_, rough), (on, smooth) = (np.split(expected, 2) for expected in (profiled, smoothed))
    signal = np.concatenate(list(likelihood.npred_signal(likelihood.x0).values()))
    np.testing.assert_allclose(on, signal + kernel.alpha * smooth, rtol=1e-10)
    for name in datasets.names:
        own = likelihood.slices[name]
        assert smooth[own].sum() == pytest.approx(rough[own].sum(), rel=1e-10)
    # In the first dataset most bins have no off counts, and now all expect some.
    first = likelihood.slices[datasets.names[0]]
    assert (rough[first] == 0).any()
    assert (smooth[first] > 0).all()


def test_a_realisation_can_be_looked_at_again(make):
    datasets = Datasets([make.crab_run(0), make.counting()])
    datasets[1].models = datasets[0].models
    result = run(datasets, 12)
    again = realisation(datasets, 11, random_state=1)
    assert again.names == datasets.names
    assert sum(member.counts.data.sum() for member in again) == result.rows.counts[11]
    fitted = Fit().run(again)
    np.testing.assert_allclose(fitted.values, result.values[11], rtol=1e-4)
    assert fitted.total_stat == pytest.approx(result.stat[11], abs=1e-6)


def test_nothing_of_the_datasets_changes(make):
    dataset = make.crab_run()
    before = dataset.counts.data.copy(), dataset.counts_off.data.copy(), dataset.models.parameters.value.copy()
    run(dataset, free=["amplitude"])
    after = dataset.counts.data, dataset.counts_off.data, dataset.models.parameters.value
    for left, right in zip(before, after, strict=True):
        np.testing.assert_array_equal(left, right)
    assert [parameter.frozen for parameter in dataset.models.parameters] == [False, False, True]


# -- how it is fitted


@pytest.mark.parametrize("kind", ["crab_run", "counting"])
def test_fits_are_those_of_minuit(make, kind):
    dataset = getattr(make, kind)()
    result = run(dataset, 150)
    assert result.success.all()
    off = 0
    for number in range(150):
        again = realisation(dataset, number, random_state=1)
        again.models.parameters.value = dataset.models.parameters.value
        models = again.models.copy()
        again.models = models
        alone = Fit().run(again)
        off += not (np.abs(alone.values - result.values[number]) < 1e-3 * alone.errors).all()
    assert off == 0


def test_hessian_errors_are_those_of_a_fit(make):
    dataset = make.crab_run()
    result = run(dataset, 5, errors="hessian")
    again = realisation(dataset, 3, random_state=1)
    again.models = again.models.copy()
    np.testing.assert_allclose(result.errors[3], Fit().run(again).errors, rtol=1e-4)


def test_a_parameter_on_a_limit_has_no_error(make):
    model = make.power_law(min=3.99e-11, max=4.01e-11)
    result = run(make.counting(model=model), 100)
    assert result.success.all()
    on_limit = (result.values[:, 1] == 3.99e-11) | (result.values[:, 1] == 4.01e-11)
    assert on_limit.sum() > 80
    np.testing.assert_array_equal(np.isnan(result.errors[:, 1]), on_limit)
    assert np.isfinite(result.errors[:, 0]).all()


def test_fits_that_do_not_converge_are_asked_of_minuit(make, monkeypatch):
    dataset = make.counting()
    expected = run(dataset, 20)
    monkeypatch.setattr("gammafold.ensemble.problem.minimise_batch", _give_up_on_every_third)
    result = run(dataset, 20)
    assert result.success.all()
    np.testing.assert_array_equal(result.rows.retried, np.arange(20) % 3 == 0)
    np.testing.assert_allclose(result.values, expected.values, rtol=1e-4)
    assert "by Minuit" in repr(result)


def test_a_fit_that_fails_is_flagged(make, monkeypatch):
    monkeypatch.setattr("gammafold.ensemble.problem.minimise_batch", _give_up_on_every_third)
    monkeypatch.setattr("gammafold.ensemble.block._ask_minuit", lambda one: (one.x0, 1.0, False))
    result = run(make.counting(), 20)
    np.testing.assert_array_equal(result.success, np.arange(20) % 3 != 0)
    assert np.isnan(result.errors[::3]).all()
    assert np.isnan(result.pulls[::3]).all()
    assert result.summary()["n"][0] == result.n_success == 13


def _give_up_on_every_third(likelihood, theta):
    from dataclasses import replace

    from gammafold.likelihood.fisher_scoring import minimise_batch

    found = minimise_batch(likelihood, theta)
    return replace(found, converged=found.converged & (np.arange(len(theta)) % 3 != 0))


def test_realisations_without_counts_have_truthful_flags(make):
    # Half of the realisations have no counts at all: their amplitude ends on its limit.
    few = run(make.counting(counts=0.7, background=0.0, model=make.power_law(min=0.0)), 200, free=["amplitude"])
    empty = few.rows.counts == 0
    assert 50 < empty.sum() < 150
    assert (few.values[empty, 0] == 0).all()
    assert np.isnan(few.errors[empty]).all()
    assert few.success.all()
    np.testing.assert_allclose(few.stat[empty], 0, atol=1e-9)


def test_on_off_realisations_without_counts_have_truthful_flags(make):
    dataset = make.crab_run()
    dataset.exposure.data *= 1e-3
    dataset.counts.data[:] = dataset.counts_off.data[:] = 0
    few = run(dataset, 60)
    empty = few.rows.counts == 0
    assert empty.sum() > 30
    # An index that no count determines is no success, and nothing has an error that looks like one.
    assert not few.success[empty].any()
    assert np.isnan(few.errors[empty]).all()
    assert np.isfinite(few.values).all()
    assert few.summary()["n"][0] == few.n_success < 30


def test_counts_below_a_known_background_have_truthful_flags(make):
    # No count where one is expected: the best amplitude is negative, at the edge of what is possible.
    few = run(make.counting(counts=0.5, background=0.05), 25, free=["amplitude"])
    empty = few.rows.counts == 0
    assert empty.sum() > 3
    assert not few.success[empty].any()
    assert np.isnan(few.errors[empty]).all()


def test_the_statistic_follows_its_distribution(make):
    result = run(make.counting(counts=20_000.0), 400)
    assert _deviance(make, result).mean() == pytest.approx(6.0, abs=4 * np.sqrt(12 / 400))


def _deviance(make, result):
    """Deviance at the minima: the statistic without its terms of the data alone."""
    problem = ensemble_problem(make.counting(counts=20_000.0), 1, None)
    statistic = problem.draw(0, len(result))
    return problem.likelihood.with_statistic(statistic).deviance(result.values)


def test_some_parameters_alone(make):
    result = run(make.crab_run(), free=["index"])
    assert result.names == ("index",)
    assert result.units == ("",)
    frozen = make.crab_run()
    frozen.models.parameters["reference"].frozen = False
    assert run(frozen, 3, free=["amplitude"]).names == ("amplitude",)


def test_parameters_of_two_sources_have_names_of_their_own(make):
    dataset = make.counting()
    dataset.models = [make.power_law(name="one"), make.power_law(2.0, 2e-11, name="two")]
    assert run(dataset, 3, free=["one.amplitude", "two.amplitude"]).names == ("one.amplitude", "two.amplitude")
    two = dataset.models["two"].spectral_model.index
    assert run(dataset, 3, free=[two]).names == ("index",)
    assert run(dataset, 3, free=[two]).truth == pytest.approx([2.0])
    with pytest.raises(UnknownNameError, match="several parameters are called 'index'"):
        run(dataset, 3, free=["index"])


# -- the same numbers, whatever the way


@pytest.mark.parametrize("chunk_size", [1, 7, 10, 25, 1000])
def test_the_size_of_chunks_changes_nothing(make, monkeypatch, chunk_size):
    monkeypatch.setattr("gammafold.ensemble.problem._BLOCK", 10)
    dataset = make.crab_run()
    whole, parts = run(dataset, 34), run(dataset, 34, chunk_size=chunk_size)
    np.testing.assert_array_equal(whole.values, parts.values)
    np.testing.assert_array_equal(whole.errors, parts.errors)
    np.testing.assert_array_equal(whole.stat, parts.stat)


def test_more_realisations_begin_with_the_same_counts(make):
    dataset = make.crab_run()
    np.testing.assert_array_equal(run(dataset, 30).rows.counts, run(dataset, 60).rows.counts[:30])


def test_seeds(make):
    sequence = np.random.SeedSequence(7)
    assert seed_entropy(sequence) == seed_entropy(7) == seed_entropy(np.int64(7))
    assert seed_entropy(sequence.spawn(1)[0]) != 7
    first, second = (seed_entropy(np.random.default_rng(1)) for _ in range(2))
    assert first == second
    legacy = np.random.RandomState(1)
    assert seed_entropy(np.random.RandomState(1)) == seed_entropy(legacy) != seed_entropy(legacy)
    assert seed_entropy(None) != seed_entropy(None)
    dataset = make.crab_run()
    assert run(dataset, 2, random_state=None).seed > 0
    assert not np.array_equal(run(dataset, 5).rows.counts, run(dataset, 5, random_state=2).rows.counts)


def test_memory_does_not_grow_with_the_number(make, monkeypatch):
    import tracemalloc

    monkeypatch.setattr("gammafold.ensemble.problem._BLOCK", 100)
    dataset = make.crab_run()
    peaks = []
    run(dataset, 100)
    for n_sim in (500, 3000):
        tracemalloc.start()
        run(dataset, n_sim)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # What grows are the results: 22 numbers for each.
    assert peaks[1] - peaks[0] < 2500 * 8 * 30


# -- what is refused


@pytest.mark.parametrize("n_sim", [0, -3, 2.5, "many", True, None])
def test_a_number_that_is_none(make, n_sim):
    with pytest.raises(InputError, match=r"n_sim is .*: expected an integer of 1 or more"):
        run(make.counting(), n_sim)


@pytest.mark.parametrize("seed", [-1, 1.5, "one", True, [1, 2]])
def test_a_seed_that_is_none(make, seed):
    with pytest.raises(InputError, match="random_state is"):
        run(make.counting(), 3, random_state=seed)


def test_datasets_that_cannot_be_simulated(make):
    with pytest.raises(InputError, match="no datasets: there is nothing to simulate"):
        run(Datasets())
    dataset = make.counting()
    dataset.models = None
    with pytest.raises(FitError, match="dataset 'counting' has no model"):
        run(dataset)
    dataset = make.counting()
    dataset.exposure = None
    with pytest.raises(InputError, match="dataset 'counting' has no exposure"):
        run(dataset)
    dataset = make.counting()
    dataset.counts = None
    with pytest.raises(InputError, match="dataset 'counting' has no counts"):
        run(dataset)
    with pytest.raises(InputTypeError, match="is no dataset"):
        run([1])


def test_models_that_cannot_be_drawn(make):
    dataset = make.counting()
    dataset.models.parameters["amplitude"].value = -1e-9
    with pytest.raises((InputError, FitError), match="counting"):
        run(dataset)
    dataset = make.counting()
    dataset.models.parameters.free_parameters[0].frozen = True
    dataset.models.parameters.free_parameters[0].frozen = True
    with pytest.raises(FitError, match="no free parameter"):
        run(dataset)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"background": "none"}, "background is 'none'"),
        ({"errors": "minos"}, "errors is 'minos'"),
        ({"profile": True}, "profile is True"),
        ({"chunk_size": 0}, "chunk_size is 0"),
        ({"free": []}, "free is empty"),
        ({"free": ["index", "index"]}, "free names 'index' twice"),
        ({"free": ["slope"]}, "no parameter 'slope': there are"),
        ({"client": "localhost"}, r"client is 'localhost': expected a dask.distributed.Client"),
    ],
)
def test_options_that_are_refused(make, options, message):
    with pytest.raises((InputError, UnknownNameError, InputTypeError), match=message):
        run(make.counting(), 3, **options)


def test_realisations_that_are_refused(make):
    dataset = make.counting()
    with pytest.raises(InputError, match="number is -1"):
        realisation(dataset, -1, random_state=1)
    with pytest.raises(InputError, match="random_state is None: expected the seed"):
        realisation(dataset, 1, random_state=None)


class Loop(SpectralModel):
    """A user's formula that takes one parameter vector at a time."""

    tag = "Loop"
    index = Parameter("index", 2.5)
    amplitude = Parameter("amplitude", "4e-11 cm-2 s-1 TeV-1")

    @staticmethod
    def evaluate(energy, index, amplitude):
        if np.ndim(index.value) or np.ndim(amplitude.value):
            raise TypeError("one at a time")
        return amplitude * (energy / (1 * u.TeV)) ** (-index.value)


def test_a_model_that_cannot_broadcast_is_fitted_all_the_same(make):
    expected = run(make.counting(), 8)
    result = run(make.counting(model=SkyModel(Loop(), name="loop")), 8)
    assert result.success.all()
    np.testing.assert_array_equal(result.rows.counts, expected.rows.counts)
    np.testing.assert_allclose(result.values, expected.values, rtol=1e-4)


def test_blocks_of_large_problems_are_small(make):
    problem = ensemble_problem(make.counting(), 1, None)
    assert problem.block_size == 4000
    likelihood = problem.likelihood
    rows = fit_block(likelihood.with_statistic(problem.draw(0, 3)), np.arange(3), "fisher")
    assert rows.values.shape == (3, 2)


def test_one_draw_of_all_datasets(make):
    datasets = Datasets([make.crab_run(0), make.counting()])
    first, again = datasets.copy(), datasets.copy()
    first.fake(random_state=5)
    again.fake(random_state=5)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.counts.data, other.counts.data)
    assert first[1].counts.data.sum() > 0
    assert not np.array_equal(first[0].counts_off.data, datasets[0].counts_off.data)
    # One stream: a second member does not repeat the numbers of the first.
    twins = Datasets([make.counting("a"), make.counting("b")])
    twins.fake(random_state=1)
    assert not np.array_equal(twins[0].counts.data, twins[1].counts.data)
