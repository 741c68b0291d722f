"""Datasets in files, both ways with a real installation of gammapy: the same data, predictions and statistic.

The models are power laws, which both packages integrate in closed form, so that predictions agree to rounding. The
peer is started once to write and once to read. Run as a script, this module stores what the peer writes beside the
tests, for those that run without it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from gammafold.data.gti import GTI
from gammafold.datasets import Datasets, MapDataset, MapDatasetOnOff, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.irf.edisp_map import EDispKernelMap, EDispMap
from gammafold.irf.psf_map import PSFMap
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import (
    FoVBackgroundModel,
    LogParabolaSpectralModel,
    Models,
    PowerLawSpectralModel,
    SkyModel,
)

pytestmark = pytest.mark.interop

RTOL = 1e-10
KINDS = [SpectrumDataset, SpectrumDatasetOnOff, MapDataset, MapDatasetOnOff]
REGION = "icrs;circle(83.63, 22.01, 0.11)"
REGIONS = {
    "nowhere": None,
    "galactic": "galactic;circle(10, 5, 0.3)",
    "union": "icrs;circle(83, 22, 0.1);icrs;circle(84, 22, 0.2)",
}

# What both directions have in common on gammapy's side.
PEER = """
import json, sys
from pathlib import Path
import numpy as np, astropy.units as u
from astropy.table import Table
from gammapy.data import GTI
from gammapy.datasets import Datasets, MapDataset, MapDatasetOnOff, SpectrumDataset, SpectrumDatasetOnOff
from gammapy.irf import EDispKernelMap, EDispMap, PSFMap
from gammapy.maps import Map, MapAxis, RegionGeom
from gammapy.modeling.models import FoVBackgroundModel, Models, PowerLawSpectralModel, SkyModel

folder = Path(sys.argv[1])
kinds = [SpectrumDataset, SpectrumDatasetOnOff, MapDataset, MapDatasetOnOff]

def source():
    spectral = PowerLawSpectralModel(index=2.3, amplitude="3e-12 cm-2 s-1 TeV-1", reference="1.7 TeV")
    return SkyModel(spectral, name="source")

def numbers(dataset):
    region = dataset.counts.geom.region
    return {
        "name": dataset.name,
        "counts": dataset.counts.data.ravel().tolist(),
        "exposure": dataset.exposure.quantity.to_value("cm2 s").ravel().tolist(),
        "mask_safe": dataset.mask_safe.data.ravel().tolist(),
        "mask_fit": None if dataset.mask_fit is None else dataset.mask_fit.data.ravel().tolist(),
        "edges": dataset.counts.geom.axes["energy"].edges.to_value("TeV").tolist(),
        "npred": dataset.npred().data.ravel().tolist(),
        "npred_signal": dataset.npred_signal().data.ravel().tolist(),
        "stat_sum": float(dataset.stat_sum()),
        "ontime": float(dataset.gti.time_sum.to_value("s")),
        "area": None if region is None else float(dataset.counts.geom.solid_angle().to_value("sr")),
        "telescopes": None if dataset.meta_table is None else [str(item) for item in dataset.meta_table["TELESCOP"]],
    }
"""

WRITE = """
def make(kind, name="crab 1", reco=4, region="icrs;circle(83.63, 22.01, 0.11)", edisp="kernel"):
    energy = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=reco)
    true = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=7, name="energy_true")
    geom = RegionGeom.create(region, axes=[energy])
    base = SpectrumDataset.create(geom, energy_axis_true=true, name=name)
    base.counts.data = np.arange(1.0, reco + 1).reshape(-1, 1, 1)
    base.exposure.quantity = np.linspace(1, 3, 7).reshape(-1, 1, 1) * 1e9 * u.Unit("m2 s")
    base.background.data = np.linspace(0.3, 1.7, reco).reshape(-1, 1, 1)
    if edisp == "kernel":
        base.edisp = EDispKernelMap.from_gauss(energy, true, 0.1, 0.02, geom=geom.to_image())
    elif edisp == "allsky":
        base.edisp = EDispKernelMap.from_gauss(energy, true, 0.1, 0.02)
    elif edisp == "migra":
        migra = MapAxis.from_bounds(0.2, 5, nbin=150, node_type="edges", name="migra")
        base.edisp = EDispMap.from_diagonal_response(true, migra_axis=migra)
    base.gti = GTI.create([0, 2000] * u.s, [1000, 3000] * u.s, reference_time="2010-01-01")
    base.mask_safe.data[1:] = True
    base.mask_fit = Map.from_geom(geom, data=(np.arange(reco) != 2).reshape(-1, 1, 1))
    base.meta_table = Table({"TELESCOP": ["a", "bb"], "OBS_ID": [1, 2], "RA_PNT": [83.6, 83.7] * u.deg})
    if kind is SpectrumDataset:
        base.models = [source()]
        return base
    parts = {name: getattr(base, name) for name in (
        "counts", "exposure", "edisp", "mask_safe", "mask_fit", "gti", "meta_table", "name")}
    if "OnOff" not in kind.__name__:
        return kind(background=base.background, models=[source()], **parts)
    off = Map.from_geom(geom, data=np.arange(3.0, 3.0 + reco).reshape(-1, 1, 1))
    on, ratio = (Map.from_geom(geom, data=np.full((reco, 1, 1), value)) for value in (1.0, 7.0))
    return kind(counts_off=off, acceptance=on, acceptance_off=ratio, models=[source()], **parts)

result = {}
for kind in kinds:
    dataset = make(kind)
    dataset.write(folder / f"{kind.__name__}.fits")
    dataset.write(folder / f"{kind.__name__}.fits.gz", checksum=True)
    result[kind.__name__] = numbers(dataset)

for label, region in json.loads(sys.argv[2]).items():
    dataset = make(SpectrumDataset, region=region)
    dataset.write(folder / f"{label}.fits")
    result[label] = numbers(dataset)

for edisp in ("allsky", "migra"):
    dataset = make(SpectrumDataset, edisp=edisp)
    energy, true = dataset.counts.geom.axes["energy"], dataset.exposure.geom.axes["energy_true"]
    dataset.psf = PSFMap.from_gauss(energy_axis_true=true, sigma=0.1 * u.deg)
    dataset.write(folder / f"{edisp}.fits")
    options = {"energy_axis": energy} if edisp == "migra" else {}
    kernel = dataset.edisp.get_edisp_kernel(**options)
    result[edisp] = numbers(dataset) | {
        "kernel": kernel.pdf_matrix.tolist(), "psf": float(dataset.psf.psf_map.data[3, :, 0, 0].sum())}

one, two = source(), SkyModel(PowerLawSpectralModel(index=1.9, amplitude="1e-12 cm-2 s-1 TeV-1"), name="other")
two.datasets_names = ["two"]
one.spectral_model.index.min, one.spectral_model.index.max = 1.0, 4.0
two.spectral_model.index.frozen = True
two.spectral_model.amplitude = one.spectral_model.amplitude
background = FoVBackgroundModel(dataset_name="one")
background.spectral_model.norm.value = 1.2
datasets = Datasets([make(SpectrumDataset, "one"), make(SpectrumDatasetOnOff, "two", reco=5)])
datasets.models = Models([one, two, background])
names = datasets.models.parameters_unique_names
matrix = np.zeros((len(names), len(names)))
free = [i for i, name in enumerate(names) if name in ("source.spectral.index", "source.spectral.amplitude")]
matrix[np.ix_(free, free)] = [[0.04, 1e-14], [1e-14, 4e-26]]
datasets.models.covariance = matrix
datasets.write(folder / "datasets.yaml", filename_models=folder / "models.yaml")
result["collection"] = {
    "datasets": [numbers(one) for one in datasets], "stat_sum": float(datasets.stat_sum()), "names": names}
print(json.dumps(result))
"""

READ = """
result = {}
for kind in kinds:
    for suffix in ("fits", "fits.gz"):
        dataset = kind.read(folder / f"{kind.__name__}.{suffix}")
        dataset.models = [source()]
        result[f"{kind.__name__}.{suffix}"] = numbers(dataset)
for label in json.loads(sys.argv[2]):
    dataset = SpectrumDataset.read(folder / f"{label}.fits")
    dataset.models = [source()]
    result[label] = numbers(dataset)
edisp = SpectrumDataset.read(folder / "migra.fits").edisp.edisp_map
result["migra"] = {"data": edisp.data.ravel().tolist(), "axes": edisp.geom.axes.names}

datasets = Datasets.read(folder / "datasets.yaml", filename_models=folder / "models.yaml", checksum=True)
models = datasets.models
index = models["source"].spectral_model.index
result["collection"] = {
    "datasets": [numbers(dataset) for dataset in datasets],
    "stat_sum": float(datasets.stat_sum()),
    "linked": models["other"].spectral_model.amplitude is models["source"].spectral_model.amplitude,
    "index": [index.min, index.max, index.error],
    "frozen": models["other"].spectral_model.index.frozen,
    "names": models["other"].datasets_names,
    "parameters": models.parameters_unique_names,
    "covariance": np.asarray(models.covariance.data).tolist(),
}
curved = Datasets.read(folder / "curved.yaml", filename_models=folder / "curved-models.yaml")
result["curved"] = numbers(curved[0])
print(json.dumps(result))
"""


def source():
    spectral = PowerLawSpectralModel(index=2.3, amplitude="3e-12 cm-2 s-1 TeV-1", reference="1.7 TeV")
    return SkyModel(spectral, name="source")


def our_dataset(kind, name="crab 1", region=REGION, edisp="kernel"):
    energy = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=4)
    true = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=7, name="energy_true")
    reco, exposure = RegionGeom.create(region, axes=[energy]), RegionGeom.create(region, axes=[true])
    livetime = {"livetime": 1580 * u.s}
    parts = {
        "counts": RegionNDMap(reco, data=np.array([3, 1, 4, 1])),
        "exposure": RegionNDMap(exposure, data=np.linspace(1, 3, 7) * 1e13, unit="cm2 s", meta=livetime),
        "mask_safe": RegionNDMap(reco, data=np.array([False, True, True, True])),
        "mask_fit": RegionNDMap(reco, data=np.array([True, True, False, True])),
        "gti": GTI.create([0, 2000] * u.s, [1000, 3000] * u.s, reference_time="2010-01-01"),
        "meta_table": Table({"TELESCOP": ["a", "bb"], "OBS_ID": [1, 2], "RA_PNT": [83.6, 83.7] * u.deg}),
    }
    if edisp == "kernel":
        parts["edisp"] = EDispKernelMap.from_gauss(energy, true, 0.1, 0.02, geom=reco)
    else:
        migra = MapAxis.from_bounds(0.2, 5, nbin=150, name="migra")
        parts["edisp"] = EDispMap.from_diagonal_response(true, migra_axis=migra, geom=reco)
    if "background" in kind.reco_parts:
        parts["background"] = RegionNDMap(reco, data=np.array([0.9, 0.5, 0.3, 0.2]))
    else:
        parts["counts_off"] = RegionNDMap(reco, data=np.array([9.0, 5.0, 3.0, 0.0]))
        parts["acceptance"] = RegionNDMap(reco, data=np.ones(4))
        parts["acceptance_off"] = RegionNDMap(reco, data=np.full(4, 6.5))
    return kind(name=name, models=source(), **parts)


def collection_models():
    """Return models with a link, limits, a frozen parameter, a background, and a covariance."""
    one, other = source(), SkyModel(PowerLawSpectralModel(index=1.9, amplitude="1e-12 cm-2 s-1 TeV-1"), name="other")
    other.datasets_names = ["two"]
    one.spectral_model.index.min, one.spectral_model.index.max = 1.0, 4.0
    other.spectral_model.index.frozen = True
    other.spectral_model.amplitude = one.spectral_model.amplitude
    background = FoVBackgroundModel(dataset_name="one")
    background.spectral_model.norm.value = 1.2
    models = Models([one, other, background])
    models.set_covariance([one.spectral_model.index, one.spectral_model.amplitude], [[0.04, 1e-14], [1e-14, 4e-26]])
    return models


def assert_same(dataset, theirs, rtol=RTOL):
    """Compare a dataset of ours with the numbers of gammapy."""
    assert dataset.name == theirs["name"]
    np.testing.assert_array_equal(dataset.counts.data.ravel(), theirs["counts"])
    np.testing.assert_array_equal(dataset.mask_safe.data.ravel(), theirs["mask_safe"])
    if dataset.mask_fit is None:
        assert theirs["mask_fit"] is None
    else:
        np.testing.assert_array_equal(dataset.mask_fit.data.ravel(), theirs["mask_fit"])
    # Its axes are made of logarithms, which costs a bit.
    np.testing.assert_allclose(dataset.reco_energy_axis.edges.to_value("TeV"), theirs["edges"], rtol=1e-15)
    np.testing.assert_allclose(dataset.exposure.quantity.to_value("cm2 s").ravel(), theirs["exposure"], rtol=1e-15)
    np.testing.assert_allclose(dataset.npred_signal().data.ravel(), theirs["npred_signal"], rtol=rtol)
    np.testing.assert_allclose(dataset.npred().data.ravel(), theirs["npred"], rtol=rtol)
    assert dataset.stat_sum() == pytest.approx(theirs["stat_sum"], rel=rtol)
    assert dataset.gti.time_sum.to_value("s") == pytest.approx(theirs["ontime"], abs=1e-6)
    if theirs["area"] is None:
        assert dataset.counts.geom.region is None
    else:
        # It counts pixels where the region is no simple shape.
        assert dataset.counts.geom.solid_angle().to_value("sr") == pytest.approx(theirs["area"], rel=3e-3)


# -- what gammapy writes


@pytest.fixture(scope="module")
def written(run_peer, tmp_path_factory):
    """Return the folder with what gammapy wrote, and the numbers it had in memory."""
    folder = tmp_path_factory.mktemp("theirs")
    return folder, run_peer("gammapy", PEER + WRITE, folder, json.dumps(REGIONS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("suffix", "options"), [("fits", {}), ("fits", {"lazy": True}), ("fits.gz", {"checksum": True})]
)
def test_we_read_what_gammapy_writes(kind, suffix, options, written):
    folder, theirs = written
    dataset = kind.read(folder / f"{kind.__name__}.{suffix}", **options)
    dataset.models = source()
    assert_same(dataset, theirs[kind.__name__])
    assert list(dataset.meta_table["TELESCOP"]) == theirs[kind.__name__]["telescopes"]
    assert dataset.meta_table["RA_PNT"].unit == u.deg


@pytest.mark.parametrize("label", REGIONS)
def test_we_read_regions_of_gammapy(label, written):
    folder, theirs = written
    dataset = SpectrumDataset.read(folder / f"{label}.fits")
    dataset.models = source()
    assert_same(dataset, theirs[label])


def test_we_read_responses_that_gammapy_makes_for_the_whole_sky(written):
    folder, theirs = written
    dataset = SpectrumDataset.read(folder / "allsky.fits")
    dataset.models = source()
    assert_same(dataset, theirs["allsky"])
    np.testing.assert_array_equal(dataset.edisp.matrix(), theirs["allsky"]["kernel"])
    assert isinstance(dataset.psf, PSFMap)
    assert dataset.psf.psf_map.data[3].sum() == pytest.approx(theirs["allsky"]["psf"], rel=1e-6)


def test_we_read_energy_dispersions_of_ratios(written):
    folder, theirs = written
    dataset = SpectrumDataset.read(folder / "migra.fits")
    assert isinstance(dataset.edisp, EDispMap)
    kernel = dataset.edisp.get_edisp_kernel(energy_axis=dataset.reco_energy_axis)
    # Its kernel is sampled, ours integrated: equal but for the grid of ratios.
    np.testing.assert_allclose(kernel.pdf_matrix, theirs["migra"]["kernel"], atol=1e-2)


def test_we_read_collections_of_gammapy(written):
    folder, numbers = written
    theirs = numbers["collection"]
    datasets = Datasets.read(folder / "datasets.yaml", folder / "models.yaml", checksum=True)
    assert [type(dataset) for dataset in datasets] == [SpectrumDataset, SpectrumDatasetOnOff]
    for dataset, expected in zip(datasets, theirs["datasets"], strict=True):
        assert_same(dataset, expected)
    assert datasets.stat_sum() == pytest.approx(theirs["stat_sum"], rel=RTOL)
    models = datasets.models
    assert models.parameters_unique_names == theirs["names"]
    assert models["other"].spectral_model.amplitude is models["source"].spectral_model.amplitude
    index, amplitude = models["source"].spectral_model.index, models["source"].spectral_model.amplitude
    assert (index.min, index.max, index.error) == (1.0, 4.0, pytest.approx(0.2))
    assert models["other"].spectral_model.index.frozen
    assert models["other"].datasets_names == ["two"]
    covariance = models.covariance.get_subcovariance([index, amplitude]).data
    np.testing.assert_allclose(covariance, [[0.04, 1e-14], [1e-14, 4e-26]], rtol=1e-6)


# -- what gammapy reads


@pytest.fixture(scope="module")
def read(run_peer, tmp_path_factory):
    """Return our datasets by label, and the numbers of gammapy after reading them."""
    folder = tmp_path_factory.mktemp("ours")
    ours = {kind.__name__: our_dataset(kind) for kind in KINDS}
    for name, dataset in ours.items():
        dataset.write(folder / f"{name}.fits")
        dataset.write(folder / f"{name}.fits.gz", checksum=True)
    labels = {**REGIONS, "polygon": "icrs;polygon(83, 22, 84, 22, 84, 23)"}
    for label, region in labels.items():
        ours[label] = our_dataset(SpectrumDataset, region=region)
        ours[label].write(folder / f"{label}.fits")
    ours["migra"] = our_dataset(SpectrumDataset, edisp="migra")
    ours["migra"].write(folder / "migra.fits")
    datasets = Datasets([our_dataset(SpectrumDataset, "one"), our_dataset(SpectrumDatasetOnOff, "two")])
    # Its reader of collections leaves out this mask of on-off spectra, also of those that it wrote.
    datasets["two"].mask_fit = None
    datasets.models = collection_models()
    datasets.write(folder / "datasets.yaml", folder / "models.yaml", checksum=True)
    curved = LogParabolaSpectralModel(alpha=2.1, beta=0.3, amplitude="3e-12 cm-2 s-1 TeV-1", reference="1.7 TeV")
    ours["curved"] = our_dataset(SpectrumDataset, "curved")
    ours["curved"].models = SkyModel(curved, name="curved")
    Datasets([ours["curved"]]).write(folder / "curved.yaml", folder / "curved-models.yaml")
    ours["collection"] = datasets
    return ours, run_peer("gammapy", PEER + READ, folder, json.dumps(list(labels)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["fits", "fits.gz"])
def test_gammapy_reads_what_we_write(kind, suffix, read):
    ours, theirs = read
    assert_same(ours[kind.__name__], theirs[f"{kind.__name__}.{suffix}"])
    assert theirs[f"{kind.__name__}.{suffix}"]["telescopes"] == ["a", "bb"]


@pytest.mark.parametrize("label", [*REGIONS, "polygon"])
def test_gammapy_reads_our_regions(label, read):
    ours, theirs = read
    assert_same(ours[label], theirs[label])


def test_gammapy_reads_our_energy_dispersion_of_ratios(read):
    ours, theirs = read
    assert theirs["migra"]["axes"] == ["migra", "energy_true"]
    np.testing.assert_array_equal(ours["migra"].edisp.edisp_map.data.ravel(), theirs["migra"]["data"])


def test_gammapy_reads_our_collections(read):
    datasets, theirs = read[0]["collection"], read[1]["collection"]
    for dataset, expected in zip(datasets, theirs["datasets"], strict=True):
        assert_same(dataset, expected)
    assert datasets.stat_sum() == pytest.approx(theirs["stat_sum"], rel=RTOL)
    assert theirs["linked"]
    assert theirs["index"] == [1.0, 4.0, pytest.approx(0.2)]
    assert theirs["frozen"]
    assert theirs["names"] == ["two"]
    assert theirs["parameters"] == datasets.models.parameters_unique_names
    # There the second use of a linked parameter has no covariance, here that of the first.
    parameters = list(datasets.models.parameters)
    first = [i for i, parameter in enumerate(parameters) if parameter not in parameters[:i]]
    pick = np.ix_(first, first)
    np.testing.assert_allclose(np.array(theirs["covariance"])[pick], datasets.models.covariance.data[pick], rtol=1e-12)


def test_gammapy_reads_a_curved_model_to_its_own_accuracy(read):
    """Curved models are integrated on a grid there: 2e-5 is what its quadrature reaches for a mild curvature."""
    ours, theirs = read
    assert_same(ours["curved"], theirs["curved"], rtol=1e-4)


@pytest.mark.shared
def test_gammapy_reads_real_spectra_that_we_convert(tmp_path, shared_data, run_peer):
    code = """
datasets = Datasets.read(folder / "datasets.yaml")
datasets.models = [source()]
print(json.dumps([[float(dataset.stat_sum()), float(dataset.counts_off.data.sum())] for dataset in datasets]))
"""
    files = sorted((shared_data / "joint-crab" / "spectra" / "hess").glob("pha_obs*.fits"))
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in files)
    datasets.models = source()
    datasets.write(tmp_path / "datasets.yaml")
    theirs = run_peer("gammapy", PEER + code, tmp_path)
    ours = [(dataset.stat_sum(), dataset.counts_off.data.sum()) for dataset in datasets]
    np.testing.assert_allclose(ours, theirs, rtol=RTOL)


def store(folder):
    """Store two files of gammapy, and the numbers that it had in memory: tests read them without the peer."""
    peer = Path(__file__).parents[2] / ".peers" / "gammapy" / "bin" / "python"
    with tempfile.TemporaryDirectory() as scratch:
        command = [str(peer), "-W", "ignore", "-c", PEER + WRITE, scratch, "{}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        numbers = json.loads(done.stdout.strip().splitlines()[-1])
        kept = ("SpectrumDataset", "SpectrumDatasetOnOff")
        for name in kept:
            shutil.copy(Path(scratch) / f"{name}.fits.gz", folder / f"gammapy_2.1_{name}.fits.gz")
    text = json.dumps({name: numbers[name] for name in kept}, indent=1)
    (folder / "gammapy_2.1_datasets.json").write_text(text + "\n")


if __name__ == "__main__":
    store(Path(__file__).parents[1] / "data")
