"""``gammafold stack``: the stack on disk predicts and counts what its members do."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.report.stack import require_file_name, stack_table
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError


@pytest.fixture
def members():
    return Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))


def test_the_stack_is_the_sum_of_its_members(crab_folder, run, members):
    result = run("stack pha_obs*.fits --name crab -o out")
    assert result.exit_code == 0, result.output
    stacked = SpectrumDatasetOnOff.read("out/pha_crab.fits")
    assert stacked.name == "crab"
    model = SkyModel(PowerLawSpectralModel(index=2.2, amplitude="3e-11 cm-2 s-1 TeV-1"), name="m")
    stacked.models = members.models = model
    safe = [dataset.mask_safe.data for dataset in members]
    for part in ("counts", "background"):
        expected = sum(getattr(dataset, part).data * mask for dataset, mask in zip(members, safe, strict=True))
        assert_allclose(getattr(stacked, part).data, expected, atol=1e-12)
    npred = sum(dataset.npred_signal().data * mask for dataset, mask in zip(members, safe, strict=True))
    assert_allclose(stacked.npred_signal().data, npred, rtol=1e-10)
    numbers = json.loads((crab_folder / "out" / "crab.json").read_text())
    assert numbers["stack"]["counts"] == stacked.info_dict()["counts"]
    table = Table.read("out/crab.ecsv", format="ascii.ecsv")
    assert list(table["added"]) == members.names
    assert [row["counts"] for row in numbers["observations"]["rows"]] == list(table["counts"])
    assert plt.imread(crab_folder / "out" / "crab.png").shape[1] > 1000


def test_the_table_grows_to_the_stack(members):
    table = stack_table(members)
    stacked = members.stack_reduce(name="all").info_dict()
    assert np.all(np.diff(table["counts"]) > 0)
    for name in ("counts", "background", "excess", "sqrt_ts", "livetime"):
        assert_allclose(table[name][-1], getattr(stacked[name], "value", stacked[name]))
    assert_allclose(table["livetime"][0], members[0].info_dict()["livetime"].to_value("s"))


def test_one_spectrum_is_its_own_stack(crab_folder, run):
    assert run("stack pha_obs23523.fits -o out").exit_code == 0
    stacked = SpectrumDatasetOnOff.read("out/pha_stacked.fits")
    assert stacked.info_dict()["counts"] == 124


@pytest.mark.parametrize("name", ["", "a/b", " ", "/"])
def test_names_that_are_no_file_names(name):
    with pytest.raises(InputError, match="cannot be a part of a file name"):
        require_file_name(name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stack nothing.fits", "no such file: nothing.fits"),
        ("stack pha_obs23523.fits --name a/b", "the name 'a/b' cannot be a part of a file name"),
        ("stack pha_obs23523.fits pha_obs23523.fits", "hold the same counts of '23523': give one of them"),
    ],
)
def test_bad_input_is_one_line(crab_folder, fails, line, message):
    assert re.search(message, fails(line))
