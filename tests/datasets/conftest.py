"""The toy datasets and models of the reference numbers, as gammafold objects."""

import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from gammafold.data.gti import GTI
from gammafold.datasets.onoff import SpectrumDatasetOnOff
from gammafold.datasets.spectrum import SpectrumDataset
from gammafold.irf.edisp_map import EDispKernelMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling.models.sky import SkyModel
from gammafold.modeling.models.spectral_curved import LogParabolaSpectralModel
from gammafold.modeling.models.spectral_cutoff import ExpCutoffPowerLawSpectralModel
from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel

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
