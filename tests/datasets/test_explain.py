"""A dataset in words: everything that is asked for is there, and what is suspicious is found."""

import json

import astropy.units as u
import numpy as np
import pytest

from gammafold.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files

AXIS = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=6)


@pytest.fixture
def crab():
    return SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])


def onoff(counts=30, counts_off=60, alpha=0.5):
    dataset = SpectrumDatasetOnOff.create(AXIS, AXIS.copy(name="energy_true"), name="made")
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.counts.data[:], dataset.counts_off.data[:] = counts, counts_off
    dataset.acceptance, dataset.acceptance_off = 1.0, 1 / alpha
    dataset.exposure.data[:] = 1e13
    return dataset


def test_facts_of_a_real_run(crab):
    facts = crab.explain().facts
    assert facts["Exposure"].startswith("0 to 8.376e+12 cm2 s, for true energies of 0.01 to 100 TeV")
    assert facts["Live time"] == "1581.74 s"
    assert facts["Safe"] == facts["Both"] == "0.8913 to 100 TeV, 41 of 80 bins"
    assert facts["To fit"] == "not set: all bins"
    assert facts["Counts"].startswith("124 in the bins to fit, 189 in all; 20 of 41 bins to fit are empty")
    assert facts["Alpha"] == "0.0833333"
    assert facts["Channels"] == "first channel 0 (TLMIN4 of F_CHAN)"
    assert facts["Models"] == "none"


def test_text_has_words_and_a_table(crab):
    explanation = crab.explain()
    text = str(explanation)
    assert repr(explanation) == text
    for part in ("Dataset '23523'", "Nothing is suspicious.", "Decided on reading:", "energy_min", "more bins"):
        assert part in text
    assert len(explanation.bins) == 80
    np.testing.assert_array_equal(explanation.bins["counts_off"], crab.counts_off.data.ravel())
    assert explanation.bins["energy_min"].unit == "TeV"


def test_it_is_plain_data_too(crab):
    content = json.loads(json.dumps(crab.explain().to_dict()))
    assert content["name"] == "23523"
    assert content["energy_unit"] == "TeV"
    assert content["bins"]["counts"] == crab.counts.data.ravel().tolist()


def test_nothing_suspicious():
    dataset = onoff()
    dataset.models = SkyModel(PowerLawSpectralModel(), name="source")
    explanation = dataset.explain()
    assert explanation.suspicious == ()
    assert explanation.facts["Models"] == "source"
    assert explanation.facts["Channels"] == "not from a redistribution file"


def change(**attributes):
    def apply(dataset):
        for name, value in attributes.items():
            setattr(dataset, name, value(dataset) if callable(value) else value)

    return apply


def zero_exposure(dataset):
    dataset.exposure.data[:] = 0


def no_response(dataset):
    dataset.edisp.edisp_map.data[..., 4:, :, :] = 0


def empty(dataset):
    dataset.counts.data[:] = 0


def fractions(dataset):
    dataset.counts.data += 0.5


def no_off_acceptance(dataset):
    dataset.acceptance_off.data[:2] = 0


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (zero_exposure, "zero exposure at every energy: no model predicts counts .* a fit is refused"),
        (change(exposure=None), "has no exposure.*a fit is refused"),
        (no_response, "2 bins to fit have no response"),
        (empty, "all bins to fit are without counts"),
        (fractions, "the counts are no whole numbers"),
        (no_off_acceptance, "alpha is zero in 2 bins to fit"),
        (change(counts=None), "there are no counts"),
        (change(mask_fit=lambda d: np.zeros(d.data_shape, bool)), "no bin lies inside the masks"),
        (change(counts_off=lambda d: RegionNDMap(d.geom, data=d.counts.data * 0 + 2)), "expect a norm about"),
        (
            change(stat_type="chi2gehrels", counts=lambda d: RegionNDMap(d.geom, data=d.counts.data * 0 + 3)),
            "6 bins to fit have fewer than 20 counts, where chi squared is biased",
        ),
    ],
)
def test_what_is_suspicious(damage, text):
    dataset = onoff(counts=6 if "counts_off" in text or "norm" in text else 30)
    if "norm" in text:
        dataset.acceptance_off = 1.0
    damage(dataset)
    assert any(_matches(text, one) for one in dataset.explain().suspicious), dataset.explain().suspicious
    assert "Suspicious:" in str(dataset.explain())


def _matches(pattern, text):
    import re

    return re.search(pattern, text) is not None


def test_few_off_counts_with_a_model():
    dataset = onoff(counts=6, counts_off=2, alpha=1.0)
    amplitude = 4 / 1e13 * u.Unit("TeV-1 cm-2 s-1")
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude=amplitude, index=1), name="source")
    (text,) = dataset.explain().suspicious
    assert "2 off counts per bin" in text
    assert "dataset.group('counts_off', 5)" in text


def test_known_background():
    dataset = SpectrumDataset.create(AXIS, AXIS.copy(name="energy_true"), name="cash")
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.counts.data[:] = 3
    dataset.exposure.data[:] = 1
    facts = dataset.explain().facts
    assert "Off counts" not in facts
    assert facts["Background"].startswith("0 in the bins to fit")
    assert facts["Statistic"].startswith("cash: the counts are Poisson distributed")
    dataset.background = None
    assert dataset.explain().suspicious == ("there is no background: all counts are taken for signal",)
    dataset.edisp = None
    assert dataset.explain().facts["Dispersion"].startswith("none")


def test_off_counts_that_are_missing():
    dataset = onoff()
    dataset.counts_off = None
    assert dataset.explain().facts["Off counts"] == "none"
