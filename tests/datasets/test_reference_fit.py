"""Every fit of the reference numbers: toys, and the published Crab spectra of five instruments."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.models import SkyModel
from gammafold.samples import sample_files

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())
FITS = [case for case in REFERENCE["cases"] if case["group"] == "fit"]


def check_fit(datasets, case):
    """Fit from the start values of a case, and compare with its exact minimum."""
    truth, rtol = case["truth"], case["rtol"]
    for name in case["inputs"].get("frozen", []):
        datasets.parameters[name].frozen = True
    result = Fit().run(datasets)
    assert result.success
    assert list(result.names) == truth["names"]
    errors = np.array(truth["errors"])
    assert_allclose((result.values - truth["values"]) / errors, 0, atol=rtol["sigma_truth"])
    assert_allclose(result.errors, errors, rtol=rtol["errors_truth"])
    scale = np.outer(errors, errors)
    assert_allclose(result.covariance / scale, np.array(truth["covariance"]) / scale, atol=2 * rtol["errors_truth"])
    assert_allclose(result.total_stat, truth["stat"], rtol=0, atol=rtol["stat_truth_abs"])
    assert_allclose(datasets.stat_sum(), truth["stat"], rtol=0, atol=rtol["stat_truth_abs"])
    # And the package of the field, which stops a little before the minimum.
    outputs = case["outputs"]
    assert_allclose((result.values - outputs["values"]) / errors, 0, atol=rtol["sigma_outputs"])
    assert_allclose(result.errors, outputs["errors"], rtol=rtol["errors_outputs"])
    assert result.total_stat <= outputs["stat"] + rtol["stat_truth_abs"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in FITS])
def test_fit(case, toy, spectral):
    inputs = case["inputs"]
    datasets = Datasets([toy(name, dataset_name=name) for name in inputs["datasets"]])
    kind = REFERENCE["models"][inputs["model"]]["type"]
    datasets.models = SkyModel(spectral({"type": kind, **inputs["start"]}), name="source")
    check_fit(datasets, case)


def real_datasets(case, paths):
    datasets = Datasets([SpectrumDatasetOnOff.read(path, name=path.name) for path in paths])
    inputs = case["inputs"]
    for dataset, row in zip(datasets, inputs["summary"], strict=True):
        assert dataset.mask_safe.data.sum() == row["n_safe"]
        assert_allclose(dataset.energy_range.to_value("TeV"), row["energy_range_TeV"], rtol=1e-6)
        info = dataset.info_dict()
        assert (info["counts"], info["counts_off"]) == (row["on"], row["off"])
        assert_allclose(info["livetime"].to_value("s"), row["livetime_s"], rtol=1e-7)
    return datasets


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in REFERENCE["real"]])
def test_real_fit(case, request, spectral):
    files = case["inputs"]["files"]
    if all(name.startswith("hess/") for name in files):
        packaged = {path.name: path for path in sample_files("crab-hess")}
        paths = [packaged[Path(name).name] for name in files]
    else:
        folder = request.getfixturevalue("shared_data") / "joint-crab" / "spectra"
        paths = [folder / name for name in files]
    datasets = real_datasets(case, paths)
    datasets.models = SkyModel(spectral({"type": case["inputs"]["model"], **case["inputs"]["start"]}), name="crab")
    start = case["truth"]["at_start"]
    rtol = 1e-9
    assert_allclose([dataset.stat_sum() for dataset in datasets], start["stat"], rtol=rtol)
    signal = [dataset.npred_signal().data[dataset.mask_safe.data].sum() for dataset in datasets]
    assert_allclose(signal, start["npred_signal_safe"], rtol=rtol)
    check_fit(datasets, case)
