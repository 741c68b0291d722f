"""Every worked case of the reference numbers that concerns datasets."""

import json
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.datasets.spectrum import SpectrumDataset
from gammafold.maps.axis import MapAxis
from gammafold.modeling.models.sky import FoVBackgroundModel
from gammafold.utils.errors import GammafoldWarning

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())


def cases(*groups):
    return [pytest.param(case, id=case["id"]) for case in REFERENCE["cases"] if case["group"] in groups]


def numbers(values):
    return np.array(values, dtype=float)


def flat(region_map):
    return np.asarray(region_map.data, dtype=float).reshape(-1)


def same(values, expected, rtol=1e-9, atol=0.0):
    assert_allclose(np.asarray(values, dtype=float), numbers(expected), rtol=rtol, atol=atol)


@pytest.fixture(autouse=True)
def quiet():
    """Toy E has unequal axes and no energy dispersion: said once per compilation, tested elsewhere."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "dataset .* has no energy dispersion", GammafoldWarning)
        warnings.filterwarnings("ignore", ".* moved to the nearest edge", GammafoldWarning)
        yield


@pytest.mark.parametrize("case", cases("npred"))
def test_npred(case, toy, quiet):
    inputs, truth = case["inputs"], case["truth"]
    dataset = toy(inputs["dataset"], *inputs["models"])
    same(flat(dataset.npred_signal()), truth["npred_signal"], atol=1e-13)
    same(flat(dataset.npred()), truth["npred"])
    for model in dataset.models:
        edges = dataset.exposure.geom.axes["energy_true"].edges
        assert dataset.npred_signal(model).data.sum() > 0
        if len(dataset.models) == 1:
            flux = model.spectral_model.integral(edges[:-1], edges[1:]).to_value("cm-2 s-1")
            same(flux, truth["flux_true"], rtol=1e-8, atol=1e-24)


@pytest.mark.parametrize("case", cases("dataset"))
def test_dataset(case, toy):
    inputs, truth, outputs = case["inputs"], case["truth"], case["outputs"]
    dataset = toy(inputs["dataset"], *inputs["models"])
    assert list(dataset.data_shape) == outputs["data_shape"]
    same(flat(dataset.npred()), truth["npred"])
    same(flat(dataset.npred_signal()), truth["npred_signal"])
    same(dataset.stat_array().reshape(-1), truth["stat_array"], atol=1e-12)
    same(dataset.stat_sum(), truth["stat_sum"])
    same(dataset.selected_bins(), truth["mask"])
    if truth["energy_range_TeV"] is None:
        assert np.isnan(dataset.energy_range.to_value("TeV")).all()
    else:
        same(dataset.energy_range.to_value("TeV"), truth["energy_range_TeV"], rtol=1e-12)
    if "excess" in truth:
        same(flat(dataset.excess), truth["excess"], atol=1e-12)
    if outputs["npred_background"] is None:
        assert dataset.npred_background() is None
    else:
        same(flat(dataset.npred_background()), outputs["npred_background"])
    if outputs["mask_safe_image"] is not None:
        assert dataset.mask_safe_image.data.reshape(-1).tolist() == outputs["mask_safe_image"]
    if outputs["mask_safe_edisp"] is not None:
        assert dataset.mask_safe_edisp.data.reshape(-1).tolist() == outputs["mask_safe_edisp"]


@pytest.mark.parametrize("method", ["diff", "diff/model", "diff/sqrt(model)"])
@pytest.mark.parametrize("case", cases("dataset"))
def test_residuals(case, method, toy):
    dataset = toy(case["inputs"]["dataset"], *case["inputs"]["models"])
    expected = numbers(case["truth"][f"residuals {method}"])
    npred = numbers(case["truth"]["npred"])
    if method != "diff":
        # Where nothing is predicted: 0/0 is 0, x/0 is NaN.
        expected = np.where(npred == 0, np.where(flat(dataset.counts) == 0, 0.0, np.nan), expected)
    same(flat(dataset.residuals(method)), expected, rtol=1e-8, atol=1e-10)


def check_info(info, expected, rtol):
    for key, value in expected.items():
        if isinstance(value, dict):
            number = float(value["value"])
            got = info[key]
            if np.isnan(number):
                assert np.isnan(got.value), key
            else:
                assert_allclose(got.to_value(value["unit"]), number, rtol=rtol, err_msg=key)
        elif isinstance(value, str) and value != "nan" and key in ("name", "stat_type"):
            assert info[key] == value
        else:
            assert_allclose(info[key], float(value), rtol=rtol, atol=1e-10, err_msg=key)


@pytest.mark.parametrize("key", ["info_dict", "info_dict_all"])
@pytest.mark.parametrize("case", cases("dataset"))
def test_info_dict(case, key, toy):
    inputs, rtol = case["inputs"], max(case["rtol"]["outputs"], 1e-9)
    dataset = toy(inputs["dataset"], *inputs["models"])
    info = dataset.info_dict(in_safe_data_range=key == "info_dict")
    expected = dict(case["outputs"][key])
    if dataset.mask is None:
        expected["n_fit_bins"] = 4  # an unset mask means every bin
    if inputs["dataset"] == "G":
        expected["stat_sum"] = float("inf")  # counts where none are predicted
    check_info(info, expected, rtol)
    if inputs["dataset"] == "A":
        assert list(info) == list(case["other"]["a"][key] if case["other"] != "identical" else info)


@pytest.mark.parametrize("case", cases("onoff"))
def test_onoff(case, toy):
    inputs, truth = case["inputs"], case["truth"]
    dataset = toy(inputs["dataset"], *inputs["models"])
    same(flat(dataset.alpha), truth["alpha"])
    same(flat(dataset.background), truth["background"])
    same(flat(dataset.excess), truth["excess"], atol=1e-12)
    same(flat(dataset.npred_signal()), truth["npred_signal"])
    same(flat(dataset.npred_off()), truth["npred_off"], atol=1e-12)
    same(flat(dataset.npred_background()), truth["npred_background"], atol=1e-12)
    same(flat(dataset.npred()), truth["npred"])
    same(dataset.stat_array().reshape(-1), truth["stat_array"], rtol=1e-8)
    same(dataset.stat_sum(), truth["stat_sum"])
    same(flat(dataset.residuals()), truth["residuals_diff"], rtol=1e-8)
    for key in ("info_dict", "info_dict_all"):
        check_info(dataset.info_dict(key == "info_dict"), case["outputs"][key], 1e-4)


def check_content(dataset, expected, rtol=1e-9):
    """Compare all parts of a dataset with a case."""
    axis = dataset.counts.geom.axes["energy"]
    if "energy_edges" in expected:
        same(axis.edges.to_value("TeV"), expected["energy_edges"], rtol=1e-12)
    for part in (
        "counts",
        "background",
        "counts_off",
        "acceptance",
        "acceptance_off",
        "mask_safe",
        "mask_fit",
        "alpha",
    ):
        if expected.get(part) is not None:
            same(flat(getattr(dataset, part)), expected[part], rtol=rtol, atol=1e-12)
    if expected.get("exposure_cm2s") is not None:
        same(dataset.exposure.quantity.to_value("cm2 s").reshape(-1), expected["exposure_cm2s"], rtol=rtol)
    if expected.get("edisp") is not None:
        kernel = dataset.edisp.edisp_map.data.reshape(np.shape(expected["edisp"]))
        same(kernel, expected["edisp"], rtol=rtol, atol=1e-15)
    if expected.get("livetime_s") is not None:
        same(dataset.exposure.meta["livetime"].to_value("s"), expected["livetime_s"])
    if expected.get("gti_s"):
        start = (dataset.gti.time_start - dataset.gti.time_ref).to_value("s")
        stop = (dataset.gti.time_stop - dataset.gti.time_ref).to_value("s")
        same(np.transpose([start, stop]), expected["gti_s"], atol=1e-6)


@pytest.mark.parametrize("case", cases("stack"))
def test_stack(case, toy):
    names = case["inputs"]["datasets"]
    stacked = toy(names[0], dataset_name="first")
    others = [toy(name, dataset_name=name) for name in names[1:]]
    for other in others:
        assert stacked.stack(other) is None
    check_content(stacked, case["truth"])


@pytest.mark.parametrize("case", cases("slice_by_idx"))
def test_slice_by_idx(case, toy):
    dataset = toy(case["inputs"]["dataset"])
    slices = {axis: slice(*bins) for axis, bins in case["inputs"]["slices"].items()}
    check_content(dataset.slice_by_idx(slices), case["outputs"])


@pytest.mark.parametrize("case", cases("slice_by_energy"))
def test_slice_by_energy(case, toy, quiet):
    dataset = toy(case["inputs"]["dataset"])
    limits = case["inputs"]["energy_min"] * u.TeV, case["inputs"]["energy_max"] * u.TeV
    if "raises" in case["outputs"]:
        with pytest.raises(ValueError, match="no bin of dataset 'd' between"):
            dataset.slice_by_energy(*limits)
    else:
        check_content(dataset.slice_by_energy(*limits), case["outputs"])


@pytest.mark.parametrize("case", cases("resample", "to_image"))
def test_merged_bins(case, toy, quiet):
    inputs, truth = case["inputs"], case["truth"]
    dataset = toy(inputs["dataset"], *inputs["models"])
    if case["group"] == "resample":
        axis = MapAxis.from_energy_edges(inputs["energy_edges"] * u.TeV, name="energy")
        merged = dataset.resample_energy_axis(axis)
    else:
        merged = dataset.to_image()
    check_content(merged, truth)
    same(flat(merged.npred()), truth["npred"])


@pytest.mark.parametrize("case", cases("downsample"))
def test_downsample(case, toy):
    inputs = case["inputs"]
    dataset = toy(inputs["dataset"], *inputs["models"])
    merged = dataset.downsample(inputs["factor"], axis_name=inputs["axis_name"])
    expected = dict(case["outputs"])
    groups = dataset.safe_bins().reshape(-1, inputs["factor"])
    expected["mask_safe"] = groups.any(axis=1)  # safe if any of its bins is
    if dataset.mask_fit is not None:
        expected["mask_fit"] = dataset.mask_fit.data.reshape(-1, inputs["factor"]).any(axis=1)
    check_content(merged, expected)
    if inputs["models"]:
        same(flat(merged.npred()), expected["npred"])


@pytest.mark.parametrize("case", cases("fake"))
def test_fake(case, toy):
    inputs, truth = case["inputs"], case["truth"]
    dataset = toy(inputs["dataset"], *inputs["models"])
    assert dataset.fake(random_state=inputs["random_state"]) is None
    same(flat(dataset.counts), truth["counts"])
    same(flat(dataset.npred()), truth["npred"])


@pytest.mark.parametrize("case", cases("background_model"))
def test_background_model(case, toy):
    inputs = case["inputs"]
    dataset = toy(inputs["dataset"])
    model = FoVBackgroundModel(dataset_name="d")
    model.parameters["norm"].value = inputs["norm"]
    model.parameters["tilt"].value = inputs["tilt"]
    model.parameters["reference"].quantity = inputs["reference"] * u.TeV
    dataset.models = [model]
    assert dataset.background_model is model
    same(flat(dataset.npred_background()), case["truth"]["npred_background"])
    same(flat(dataset.npred()), case["outputs"]["npred"])
    same(dataset.stat_sum(), case["outputs"]["stat_sum"])
    same(flat(dataset.background), case["outputs"]["background"])
    same(flat(dataset.excess), case["outputs"]["excess"])
    check_info(dataset.info_dict(), {**case["other"]["a"]["info_dict"], "npred_signal": "nan"}, 1e-9)


@pytest.mark.parametrize("case", cases("create"))
def test_create(case):
    inputs, expected = case["inputs"], case["other"]["a"]
    e_reco = MapAxis.from_energy_edges(inputs["energy_edges"] * u.TeV, name="energy")
    e_true = None
    if "energy_true_edges" in inputs:
        e_true = MapAxis.from_energy_edges(inputs["energy_true_edges"] * u.TeV, name="energy_true")
    dataset = SpectrumDataset.create(e_reco, e_true, reference_time=inputs["reference_time"], name="out")
    # The oracle stores its kernel in 32 bits.
    check_content(dataset, expected, rtol=1e-7)
    true_edges = dataset.exposure.geom.axes["energy_true"].edges
    same(true_edges.to_value("TeV"), expected["energy_true_edges"], rtol=1e-12)
    assert dataset.name == "out"
    assert dataset.models is None
    assert len(dataset.gti.table) == 0
    assert dataset.gti.time_ref.utc.isot == expected["gti_reference_utc"]
    assert np.isnan(dataset.energy_range.value).all()
    assert dataset.energy_range.unit == "TeV"


@pytest.mark.parametrize("case", cases("edisp_diagonal"))
def test_overlap(case, toy):
    dataset = toy(case["inputs"]["dataset"])
    true = dataset.exposure.geom.axes["energy_true"]
    kernel = SpectrumDataset.create(dataset.reco_energy_axis, true).edisp.edisp_map.data
    same(kernel.reshape(np.shape(case["truth"]["edisp"])), case["truth"]["edisp"], rtol=case["rtol"]["truth"])
