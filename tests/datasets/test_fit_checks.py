"""What makes a fit impossible, or biased, is said."""

import re

import astropy.units as u
import numpy as np
import pytest

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.datasets.fit_checks import low_off_counts, missing_exposure
from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files
from gammafold.utils.errors import FitError, GammafoldWarning

AXIS = MapAxis.from_energy_bounds("1 TeV", "30 TeV", nbin=20)


def spectrum(alpha=1.0, background=40.0, seed=3, name="faint", cls=SpectrumDatasetOnOff):
    """Return a dataset of 30 signal counts over a background that falls more steeply."""
    dataset = cls.create(AXIS, AXIS.copy(name="energy_true"), name=name)
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.exposure = RegionNDMap(dataset.exposure.geom, data=np.full(dataset.data_shape, 3e13), unit="cm2 s")
    dataset.models = SkyModel(PowerLawSpectralModel(index=2, amplitude="1e-12 cm-2 s-1 TeV-1"), name="source")
    if cls is SpectrumDatasetOnOff:
        energy = AXIS.center.value
        expected = background * energy**-2.0 / (energy**-2.0).sum()
        dataset.acceptance, dataset.acceptance_off = 1.0, 1.0 / alpha
        dataset.fake(RegionNDMap(dataset.geom, data=expected.reshape(dataset.data_shape)), random_state=seed)
    return dataset


def test_few_off_counts_are_said_with_the_bias_to_expect():
    dataset = spectrum()
    for text in (low_off_counts(dataset), low_off_counts(dataset, dataset.npred_signal().data.reshape(-1))):
        assert "off counts per bin" in text
        assert re.search(r"expect a norm about \d+% too low", text)
        assert "dataset.group('counts_off', 5)" in text


def test_nothing_is_said_where_the_bias_does_not_matter():
    # The runs on the Crab have two off counts per bin, and next to no background.
    for path in sample_files("crab-hess"):
        assert low_off_counts(SpectrumDatasetOnOff.read(path)) is None
    assert low_off_counts(spectrum(alpha=0.02)) is None
    assert low_off_counts(spectrum(cls=SpectrumDataset)) is None


def test_zero_exposure_is_an_error_of_the_fit():
    dataset, sound = spectrum(), spectrum(name="sound")
    sound.models = dataset.models
    dataset.exposure.data *= 0
    with pytest.raises(FitError, match="'faint' has zero exposure at every energy: no model predicts counts"):
        Fit().run(dataset)
    with pytest.raises(FitError, match="zero exposure"):
        Fit().run([sound, dataset])
    dataset.mask_fit = np.zeros(dataset.data_shape, bool)
    with pytest.warns(GammafoldWarning, match="biased with few off counts: dataset 'sound' has 2.2 off counts per bin"):
        assert Fit().run([sound, dataset]).success


def test_exposure_that_leads_nowhere_is_an_error_of_the_fit():
    dataset = spectrum()
    dataset.edisp.edisp_map.data[..., 5:, :, :] = 0
    dataset.mask_fit = np.arange(20).reshape(dataset.data_shape) >= 10
    with pytest.raises(FitError, match="leads no event into the 10 bins that are fitted"):
        Fit().run(dataset)
    dataset.exposure = None
    assert "has no exposure" in missing_exposure(dataset)


def test_a_model_that_starts_at_zero_is_no_missing_exposure():
    dataset = spectrum(cls=SpectrumDataset)
    dataset.counts.data[:] = 3
    dataset.background.data[:] = 1
    dataset.models[0].parameters["amplitude"].quantity = 0 * u.Unit("cm-2 s-1 TeV-1")
    Datasets([dataset]).require_exposure()
