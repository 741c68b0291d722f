"""No case of the reference numbers is left out: each belongs to the parameters of some test."""

import importlib.util
import json
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
REFERENCE = json.loads((TESTS / "data" / "reference.json").read_text())

# Which test works through which group of cases.
TESTED = {
    "npred": ("datasets/test_reference.py", "test_npred"),
    "dataset": ("datasets/test_reference.py", "test_dataset"),
    "onoff": ("datasets/test_reference.py", "test_onoff"),
    "stack": ("datasets/test_reference.py", "test_stack"),
    "slice_by_idx": ("datasets/test_reference.py", "test_slice_by_idx"),
    "slice_by_energy": ("datasets/test_reference.py", "test_slice_by_energy"),
    "resample": ("datasets/test_reference.py", "test_merged_bins"),
    "to_image": ("datasets/test_reference.py", "test_merged_bins"),
    "downsample": ("datasets/test_reference.py", "test_downsample"),
    "fake": ("datasets/test_reference.py", "test_fake"),
    "background_model": ("datasets/test_reference.py", "test_background_model"),
    "create": ("datasets/test_reference.py", "test_create"),
    "edisp_gauss": ("irf/test_edisp_kernel.py", "test_gauss_of_the_reference"),
    "edisp_diagonal": ("datasets/test_reference.py", "test_overlap"),
    "fit": ("datasets/test_reference_fit.py", "test_fit"),
    "real_fit": ("datasets/test_reference_fit.py", "test_real_fit"),
    "wstat": ("stats/test_fit_statistics.py", "test_wstat_reference"),
    "cash": ("stats/test_fit_statistics.py", "test_cash_reference"),
}
ALL = [*REFERENCE["cases"], *REFERENCE["real"]]


def cases_of(path, function):
    """Return the identifiers of the cases among the parameters of a test function."""
    spec = importlib.util.spec_from_file_location(f"read_{Path(path).stem}", TESTS / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    marks = [mark for mark in getattr(module, function).pytestmark if mark.name == "parametrize"]
    values = [value for mark in marks for value in mark.args[1]]
    cases = [value if isinstance(value, dict) else value.values[0] for value in values]
    return {case["id"] for case in cases if isinstance(case, dict)}


@pytest.mark.parametrize("group", sorted({case["group"] for case in ALL}))
def test_each_case_of_a_group_is_tested(group):
    expected = {case["id"] for case in ALL if case["group"] == group}
    assert expected <= cases_of(*TESTED[group])


def test_the_file_holds_what_it_did():
    assert len(REFERENCE["cases"]) == 107
    assert len(REFERENCE["real"]) == 7
    assert len({case["id"] for case in ALL}) == 114
