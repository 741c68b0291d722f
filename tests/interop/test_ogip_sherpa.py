"""OGIP files that gammafold writes, read by Sherpa: the same counts, predictions and statistic."""

import numpy as np
import pytest

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.datasets.ogip import write_onoff
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files

pytestmark = pytest.mark.interop

READ = """
import json, logging, sys
import numpy as np
from sherpa.astro import ui
logging.getLogger("sherpa").setLevel(logging.ERROR)
path, statistic, index, ampl, ref = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:6])
ui.load_pha(path)
data = ui.get_data()
ui.set_source(ui.powlaw1d.p)
p = ui.get_model_component("p")
p.gamma, p.ampl = index, ampl
p.ref = ref
npred = np.asarray(data.eval_model(ui.get_model()), dtype=float)
has_background = bool(data.background_ids)
ui.set_stat(statistic)
if data.quality is not None:
    ui.ignore_bad()
print(json.dumps({
    "counts": data.counts.tolist(),
    "counts_off": data.get_background().counts.tolist() if has_background else None,
    "alpha": np.broadcast_to(data.get_background_scale(), data.counts.shape).tolist() if has_background else None,
    "edges": [data.get_rmf().e_min.tolist(), data.get_rmf().e_max.tolist()],
    "exposure": data.exposure,
    "npred": npred.tolist(),
    "stat": float(ui.calc_stat()),
}))
"""


def crab(number=0):
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[number])
    model = PowerLawSpectralModel(amplitude="4.6e-11 cm-2 s-1 TeV-1", index=2.7)
    dataset.models = SkyModel(model, name="crab")
    return dataset


def read_by_sherpa(run_peer, path, statistic="wstat"):
    """Return what Sherpa makes of a file, with the power law of `crab` in keV."""
    return run_peer("sherpa", READ, path, statistic, 2.7, 4.6e-11 / 1e9, 1e9)


def assert_same(theirs, ours):
    np.testing.assert_array_equal(theirs["counts"], ours.counts.data.ravel())
    np.testing.assert_allclose(np.array(theirs["edges"][0]) / 1e9, ours.reco_energy_axis.edges_min.to_value("TeV"))
    np.testing.assert_allclose(theirs["npred"], ours.npred_signal().data.ravel(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("format", ["ogip", "ogip-sherpa"])
@pytest.mark.parametrize("number", [0, 3])
def test_crab_runs(run_peer, tmp_path, number, format):
    dataset = crab(number)
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits", format=format, checksum=True)
    theirs = read_by_sherpa(run_peer, path)
    assert_same(theirs, dataset)
    np.testing.assert_array_equal(theirs["counts_off"], dataset.counts_off.data.ravel())
    np.testing.assert_allclose(theirs["alpha"], dataset.alpha.data.ravel(), rtol=1e-12)
    assert theirs["exposure"] == pytest.approx(dataset.exposure.meta["livetime"].to_value("s"), rel=1e-12)
    assert theirs["stat"] == pytest.approx(dataset.stat_sum(), abs=1e-4)


def test_acceptances_that_differ_from_bin_to_bin(run_peer, tmp_path):
    dataset = crab()
    dataset.acceptance = np.linspace(1, 2, 80)
    dataset.acceptance_off = np.linspace(9, 30, 80)
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits")
    theirs = read_by_sherpa(run_peer, path)
    np.testing.assert_allclose(theirs["alpha"], dataset.alpha.data.ravel(), rtol=1e-12)
    assert theirs["stat"] == pytest.approx(dataset.stat_sum(), abs=1e-4)


def test_expected_counts_stay_fractions(run_peer, tmp_path):
    dataset = crab()
    dataset.counts.data = dataset.npred().data
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits")
    theirs = read_by_sherpa(run_peer, path)
    assert_same(theirs, dataset)
    assert theirs["stat"] == pytest.approx(dataset.stat_sum(), abs=1e-4)


def test_known_background_is_a_background_of_the_same_exposure(run_peer, tmp_path):
    dataset = crab().to_spectrum_dataset(name="known")
    *_, path = write_onoff(dataset, tmp_path / "pha_obs1.fits")
    theirs = read_by_sherpa(run_peer, path, "cash")
    assert_same(theirs, dataset)
    np.testing.assert_allclose(theirs["counts_off"], dataset.background.data.ravel(), rtol=1e-12)
    np.testing.assert_array_equal(theirs["alpha"], 1.0)
