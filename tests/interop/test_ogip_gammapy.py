"""OGIP files that gammafold writes, read by gammapy: the same counts, predictions and statistic."""

import numpy as np
import pytest

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.datasets.ogip import write_onoff
from gammafold.modeling.models import LogParabolaSpectralModel, SkyModel
from gammafold.samples import sample_files

pytestmark = pytest.mark.interop

READ = """
import json, sys
from gammapy.datasets import SpectrumDatasetOnOff
from gammapy.modeling.models import LogParabolaSpectralModel, SkyModel
dataset = SpectrumDatasetOnOff.read(sys.argv[1])
model = LogParabolaSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", alpha=2.4, beta=0.2, reference="1 TeV")
dataset.models = SkyModel(model)
print(json.dumps({
    "name": dataset.name,
    "counts": dataset.counts.data.ravel().tolist(),
    "counts_off": dataset.counts_off.data.ravel().tolist(),
    "alpha": dataset.alpha.data.ravel().tolist(),
    "mask_safe": dataset.mask_safe.data.ravel().tolist(),
    "edges": dataset.counts.geom.axes["energy"].edges.to_value("TeV").tolist(),
    "npred": dataset.npred_signal().data.ravel().tolist(),
    "stat": float(dataset.stat_sum()),
    "livetime": float(dataset.exposure.meta["livetime"].to_value("s")),
    "gti": None if dataset.gti is None else float(dataset.gti.time_sum.to_value("s")),
}))
"""
WRITE = """
import sys
from gammapy.datasets import SpectrumDatasetOnOff
SpectrumDatasetOnOff.read(sys.argv[1]).write(sys.argv[2], format="ogip")
print("null")
"""


def crab(number=0, **kwargs):
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[number], **kwargs)
    model = LogParabolaSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", alpha=2.4, beta=0.2, reference="1 TeV")
    dataset.models = SkyModel(model, name="crab")
    return dataset


def assert_same(theirs, ours):
    np.testing.assert_array_equal(theirs["counts"], ours.counts.data.ravel())
    np.testing.assert_array_equal(theirs["counts_off"], ours.counts_off.data.ravel())
    np.testing.assert_allclose(theirs["alpha"], ours.alpha.data.ravel(), rtol=1e-12)
    np.testing.assert_array_equal(theirs["mask_safe"], ours.mask_safe.data.ravel())
    np.testing.assert_allclose(theirs["edges"], ours.reco_energy_axis.edges.to_value("TeV"), rtol=1e-6)
    # The peer integrates by the trapezoid rule.
    np.testing.assert_allclose(theirs["npred"], ours.npred_signal().data.ravel(), rtol=5e-3, atol=1e-12)
    assert theirs["stat"] == pytest.approx(ours.stat_sum(), abs=0.05)


@pytest.mark.parametrize("number", range(4))
def test_crab_runs(run_peer, tmp_path, number):
    dataset = crab(number)
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits", checksum=True)
    theirs = run_peer("gammapy", READ, path)
    assert_same(theirs, dataset)
    assert theirs["name"] == dataset.name
    assert theirs["livetime"] == pytest.approx(dataset.exposure.meta["livetime"].to_value("s"))


def test_what_the_peer_predicts_from_our_files_is_what_it_predicts_from_the_originals(run_peer, tmp_path):
    dataset = crab()
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits")
    ours, original = (run_peer("gammapy", READ, one) for one in (path, sample_files("crab-hess")[0]))
    np.testing.assert_allclose(ours["npred"], original["npred"], rtol=1e-6)
    assert ours["stat"] == pytest.approx(original["stat"], abs=1e-5)


def test_expected_counts_stay_fractions(run_peer, tmp_path):
    dataset = crab()
    dataset.counts.data = dataset.npred().data
    dataset.counts_off.data = dataset.npred_off().data
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits")
    assert_same(run_peer("gammapy", READ, path), dataset)


def test_good_time_intervals(run_peer, tmp_path):
    import astropy.units as u

    from gammafold.data.gti import GTI

    dataset = crab()
    dataset.gti = GTI.create([0, 2000] * u.s, [1000, 2500] * u.s, reference_time="2010-01-01T00:00:00")
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits")
    assert run_peer("gammapy", READ, path)["gti"] == pytest.approx(1500)


def test_what_the_peer_writes_we_read(run_peer, tmp_path):
    dataset = crab(1)
    run_peer("gammapy", WRITE, sample_files("crab-hess")[1], tmp_path / "pha_obs1.fits")
    again = SpectrumDatasetOnOff.read(tmp_path / "pha_obs1.fits")
    again.models = dataset.models
    for part in ("counts", "counts_off", "mask_safe"):
        np.testing.assert_array_equal(getattr(again, part).data, getattr(dataset, part).data)
    np.testing.assert_allclose(again.npred_signal().data, dataset.npred_signal().data, rtol=2e-6)
    assert again.stat_sum() == pytest.approx(dataset.stat_sum(), abs=1e-4)
