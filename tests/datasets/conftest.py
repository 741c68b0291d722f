"""The toy datasets and models of the reference numbers, as gammafold objects."""

import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from gammafold.data import GTI
from gammafold.datasets import MapDataset, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.irf import EDispKernelMap, EDispMap
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import (
    BrokenPowerLawSpectralModel,
    ExpCutoffPowerLawSpectralModel,
    GaussianSpectralModel,
    LogParabolaSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
)

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())
REGION = "icrs;circle(83.63, 22.01, 0.11)"
AMPLITUDE = "cm-2 s-1 TeV-1"


def energy_axis(edges, name="energy"):
    return MapAxis.from_energy_edges(u.Quantity(edges, "TeV"), name=name)


def make_map(geom, values, unit="", **kwargs):
    return RegionNDMap(geom, data=np.array(values).reshape(geom.data_shape), unit=unit, **kwargs)


def make_dataset(toy, name="d", models=None):
    """Return the dataset of one of the toys."""
    reco = RegionGeom.create(REGION, axes=[energy_axis(toy["energy_edges"])])
    true = RegionGeom.create(REGION, axes=[energy_axis(toy["energy_true_edges"], "energy_true")])
    parts = {}
    for part in ("counts", "background", "counts_off", "acceptance", "acceptance_off"):
        if toy.get(part) is not None:
            parts[part] = make_map(reco, np.array(toy[part], dtype=float))
    for part in ("mask_safe", "mask_fit"):
        if toy.get(part) is not None:
            parts[part] = make_map(reco, np.array(toy[part], dtype=bool))
    unit = toy.get("exposure_unit", "cm2 s")
    if toy["exposure"] is not None:
        meta = {"livetime": toy["livetime"] * u.s}
        parts["exposure"] = make_map(true, toy["exposure"], unit=unit, meta=meta)
    if toy.get("edisp") is not None:
        geom = RegionGeom.create(REGION, axes=[reco.axes["energy"], true.axes["energy_true"]])
        weights = geom.squash("energy")
        parts["edisp"] = EDispKernelMap(
            make_map(geom, np.array(toy["edisp"], dtype=float)), make_map(weights, toy["exposure"], unit=unit)
        )
    if toy.get("gti") is not None:
        start, stop = np.array(toy["gti"], dtype=float).T
        parts["gti"] = GTI.create(start * u.s, stop * u.s, reference_time=toy["gti_ref"])
    kind = SpectrumDatasetOnOff if "counts_off" in toy else SpectrumDataset
    return kind(name=name, models=models, **parts)


def make_spectral(parameters):
    """Return the spectral model of one of the toys."""
    p = dict(parameters)
    kind = p.pop("type")
    values = {
        "index": lambda x: x,
        "alpha": lambda x: x,
        "beta": lambda x: x,
        "amplitude": lambda x: u.Quantity(x, AMPLITUDE),
        "reference": lambda x: u.Quantity(x, "TeV"),
        "lambda_": lambda x: u.Quantity(x, "TeV-1"),
    }
    classes = {
        "pl": PowerLawSpectralModel,
        "lp": LogParabolaSpectralModel,
        "ecpl": ExpCutoffPowerLawSpectralModel,
    }
    return classes[kind](**{name: values[name](value) for name, value in p.items()})


@pytest.fixture
def toy():
    """Make a toy dataset by name, with toy models by name."""

    def make(name, *model_names, dataset_name="d"):
        dataset = make_dataset(REFERENCE["datasets"][name], name=dataset_name)
        if model_names:
            dataset.models = [sky(model_name) for model_name in model_names]
        return dataset

    return make


@pytest.fixture
def sky_model():
    return sky


def sky(name):
    return SkyModel(make_spectral(REFERENCE["models"][name]), name=name)


@pytest.fixture
def spectral():
    """Make a spectral model from a type and its values, as the reference numbers list them."""
    return make_spectral


TRUE_EDGES = np.geomspace(0.3, 60, 10)


def random_dataset(
    seed=0,
    name="d",
    kind=SpectrumDataset,
    edisp="kernel",
    unit="cm2 s",
    safe="some",
    fit="some",
    background=True,
    n_reco=6,
    start=0.0,
):
    """Return a dataset of random numbers: every part is there, and none is like another.

    ``safe`` and ``fit`` are "some", "all" (all True), "none" (all False) or None (unset); ``edisp`` is "kernel",
    "migra" or None, which makes the axes equal; ``start`` is where the good time intervals begin, in seconds.
    """
    rng = np.random.default_rng(seed)
    reco = RegionGeom.create(REGION, axes=[energy_axis(np.geomspace(0.5, 40, n_reco + 1))])
    edges_true = reco.axes["energy"].edges.value if edisp is None else TRUE_EDGES
    true = RegionGeom.create(REGION, axes=[energy_axis(edges_true, "energy_true")])
    n_true = true.axes["energy_true"].nbin
    parts = {"counts": make_map(reco, rng.poisson(20.0, n_reco).astype(float))}
    for part, choice in (("mask_safe", safe), ("mask_fit", fit)):
        if choice is not None:
            bins = np.full(n_reco, choice == "all") if choice != "some" else rng.random(n_reco) < 0.7
            parts[part] = make_map(reco, bins)
    area = rng.uniform(0.5, 2.0, n_true) * 1e13 * float((1 * u.cm**2 * u.s).to_value(unit))
    parts["exposure"] = make_map(true, area, unit=unit, meta={"livetime": rng.uniform(500, 2000) * u.s})
    if edisp == "kernel":
        geom = RegionGeom.create(REGION, axes=[reco.axes["energy"], true.axes["energy_true"]])
        matrix = rng.uniform(0.0, 1.0, (n_true, n_reco))
        parts["edisp"] = EDispKernelMap(make_map(geom, matrix / matrix.sum(axis=1, keepdims=True) * 0.9))
    elif edisp == "migra":
        migra = MapAxis.from_edges(np.linspace(0.2, 3, 60), name="migra")
        parts["edisp"] = EDispMap.from_gauss(
            true.axes["energy_true"], migra, sigma=rng.uniform(0.1, 0.2), bias=rng.uniform(-0.1, 0.1), geom=reco
        )
    parts["gti"] = GTI.create([start, start + 1000] * u.s, [start + 600, start + 1500] * u.s, "2020-01-01")
    parts["meta_table"] = Table({"OBS_ID": [seed], "WOBBLE": [f"run {seed}"]})
    if kind is SpectrumDataset or kind is MapDataset:
        if background:
            parts["background"] = make_map(reco, rng.uniform(1.0, 9.0, n_reco))
        return kind(name=name, **parts)
    off = {"counts_off": rng.poisson(30.0, n_reco), "acceptance": rng.uniform(0.5, 2, n_reco)}
    off["acceptance_off"] = rng.uniform(5, 20, n_reco)
    parts.update({part: make_map(reco, values.astype(float)) for part, values in off.items()})
    return kind(name=name, **parts)


@pytest.fixture(scope="session")
def make():
    """Make a random dataset from a seed."""
    return random_dataset


def any_models():
    """Return spectral models of very different shapes, a narrow line and a sum among them."""
    power_law = PowerLawSpectralModel(index=2.4, amplitude="3e-12 cm-2 s-1 TeV-1", reference="1.3 TeV")
    line = GaussianSpectralModel(amplitude="2e-12 cm-2 s-1", mean="4.4 TeV", sigma="0.002 TeV")
    return {
        "power law": power_law,
        "index one": PowerLawSpectralModel(index=1.0, amplitude="1e-12 cm-2 s-1 TeV-1", reference="1 TeV"),
        "log parabola": LogParabolaSpectralModel(
            amplitude="4e-12 cm-2 s-1 TeV-1", reference="1 TeV", alpha=2.1, beta=0.3
        ),
        "cutoff": ExpCutoffPowerLawSpectralModel(
            index=1.7, amplitude="3e-12 cm-2 s-1 TeV-1", reference="1 TeV", lambda_="0.2 TeV-1"
        ),
        "broken power law": BrokenPowerLawSpectralModel(
            index1=1.5, index2=3.2, amplitude="2e-12 cm-2 s-1 TeV-1", ebreak="3.3 TeV"
        ),
        "narrow line": line,
        "sum": power_law + line,
    }


@pytest.fixture(params=list(any_models()))
def any_model(request):
    """Each of some very different models of a source."""
    return SkyModel(any_models()[request.param], name="source")
