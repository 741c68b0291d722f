"""Every minimiser ends at the same minimum, with the same errors, on every fit of the reference numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.models import SkyModel

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())
FITS = [pytest.param(case, id=case["id"]) for case in REFERENCE["cases"] if case["group"] == "fit"]
REAL = [pytest.param(case, id=case["id"]) for case in REFERENCE["real"]]
BACKENDS = [("scipy", {}), ("scipy", {"method": "Nelder-Mead"}), ("fisher-scoring", {})]


def check(datasets, case, backend, options):
    for name in case["inputs"].get("frozen", []):
        datasets.parameters[name].frozen = True
    result = Fit(backend, optimize_opts=options).run(datasets)
    truth, rtol = case["truth"], case["rtol"]
    errors = np.array(truth["errors"])
    assert result.success
    assert result.backend == backend
    assert result.method.startswith(options.get("method", {"scipy": "L-BFGS-B"}.get(backend, backend)))
    assert result.covariance_method == "hessian"
    assert result.covariance_accurate
    assert result.edm < 1e-8
    assert_allclose((result.values - truth["values"]) / errors, 0, atol=rtol["sigma_truth"])
    assert_allclose(result.errors, errors, rtol=rtol["errors_truth"])
    assert_allclose(result.total_stat, truth["stat"], rtol=0, atol=rtol["stat_truth_abs"])


@pytest.mark.parametrize(("backend", "options"), BACKENDS)
@pytest.mark.parametrize("case", FITS)
def test_toys(case, backend, options, toy, spectral):
    inputs = case["inputs"]
    datasets = Datasets([toy(name, dataset_name=name) for name in inputs["datasets"]])
    kind = REFERENCE["models"][inputs["model"]]["type"]
    datasets.models = SkyModel(spectral({"type": kind, **inputs["start"]}), name="source")
    check(datasets, case, backend, options)


@pytest.mark.shared
@pytest.mark.parametrize(("backend", "options"), BACKENDS[::2])
@pytest.mark.parametrize("case", REAL)
def test_crab(case, backend, options, shared_data, spectral):
    inputs = case["inputs"]
    paths = [shared_data / "joint-crab" / "spectra" / name for name in inputs["files"]]
    datasets = Datasets([SpectrumDatasetOnOff.read(path, name=path.name) for path in paths])
    datasets.models = SkyModel(spectral({"type": inputs["model"], **inputs["start"]}), name="crab")
    check(datasets, case, backend, options)


def test_a_fit_starts_where_the_parameters_stand(toy):
    dataset = toy("A", "pl")
    datasets = Datasets([dataset])
    first = datasets.likelihood()
    datasets.parameters["index"].value += 0.25
    second = datasets.likelihood()
    assert_allclose(second.x0 - first.x0, [0.25, 0])
    assert_allclose(dataset.likelihood().x0, second.x0)
    trace = Fit(store_trace=True).optimize(datasets).trace
    assert_allclose(trace[0][1], second.x0, rtol=1e-12)
    Fit().run(datasets)
    assert_allclose(datasets.likelihood().x0, [parameter.value for parameter in datasets.parameters.free_parameters])


def test_options_of_other_steps_are_taken_and_change_nothing(toy):
    datasets = Datasets([toy("A", "pl")])
    plain = Fit().run(datasets)
    other = Fit(covariance_opts={"backend": "minuit"}, confidence_opts={"backend": "scipy"}).run(datasets)
    assert_allclose(other.errors, plain.errors, rtol=1e-4)
    assert other.covariance_method == "hessian"
