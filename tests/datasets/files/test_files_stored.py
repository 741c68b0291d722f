"""Files that were written once and stay as they are: of gammapy, and of each of our releases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gammafold.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel

DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("kind", [SpectrumDataset, SpectrumDatasetOnOff])
@pytest.mark.parametrize("lazy", [False, True])
def test_files_of_gammapy(kind, lazy):
    """Stored by tests/interop/test_gammapy_datasets.py, run as a script, with gammapy 2.1."""
    theirs = json.loads((DATA / "gammapy_2.1_datasets.json").read_text())[kind.__name__]
    dataset = kind.read(DATA / f"gammapy_2.1_{kind.__name__}.fits.gz", lazy=lazy, checksum=True)
    spectral = PowerLawSpectralModel(index=2.3, amplitude="3e-12 cm-2 s-1 TeV-1", reference="1.7 TeV")
    dataset.models = SkyModel(spectral, name="source")
    assert dataset.name == theirs["name"]
    np.testing.assert_array_equal(dataset.counts.data.ravel(), theirs["counts"])
    np.testing.assert_allclose(dataset.npred().data.ravel(), theirs["npred"], rtol=1e-10)
    assert dataset.stat_sum() == pytest.approx(theirs["stat_sum"], rel=1e-10)
    assert np.isnan(dataset.info_dict()["livetime"])


def test_a_file_of_release_0_1(full_dataset, assert_identical):
    """Stored by ``full_dataset(SpectrumDatasetOnOff).write(...)`` of that release."""
    stored = SpectrumDatasetOnOff.read(DATA / "dataset_0.1.fits.gz", checksum=True)
    assert_identical(stored, full_dataset(SpectrumDatasetOnOff))
