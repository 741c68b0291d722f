"""Datasets with every part that files can hold, and a comparison to the last bit."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from gammafold.data import GTI
from gammafold.datasets import SpectrumDataset
from gammafold.irf import EDispKernelMap
from gammafold.irf.psf_map import PSFMap
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap

REGION = "icrs;circle(83.63, 22.01, 0.11)"


def geometries_of(region=REGION):
    energy = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=4)
    true = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=6, name="energy_true")
    return RegionGeom.create(region, axes=[energy]), RegionGeom.create(region, axes=[true])


def make_full_dataset(kind=SpectrumDataset, name="crab 1", region=REGION, **changes):
    """Return a dataset with every part that its class has."""
    reco, exposure = geometries_of(region)
    energy, true = reco.axes["energy"], exposure.axes["energy_true"]
    rad = MapAxis.from_bounds(0, 0.5, nbin=3, unit="deg", name="rad")
    psf = RegionGeom.create(region, axes=[rad, true])
    parts = {
        "counts": RegionNDMap(reco, data=np.array([3, 1, 4, 1])),
        "exposure": RegionNDMap(exposure, data=np.geomspace(1e9, 7e10, 6), unit="m2 s", meta={"livetime": 0.44 * u.h}),
        "psf": PSFMap(RegionNDMap(psf, data=np.arange(18.0).reshape(6, 3), unit="sr-1")),
        "edisp": EDispKernelMap.from_gauss(energy, true, 0.1, 0.02, geom=reco),
        "mask_safe": RegionNDMap(reco, data=np.array([False, True, True, True])),
        "mask_fit": RegionNDMap(reco, data=np.array([True, True, False, True])),
        "gti": GTI.create([0, 2000] * u.s, [1000, 3000.5] * u.s, reference_time="2010-01-01"),
        "meta_table": Table({"TELESCOP": ["a", "bb"], "OBS_ID": [1, 2], "RA_PNT": [83.6, np.nan] * u.deg}),
    }
    if "background" in kind.reco_parts:
        parts["background"] = RegionNDMap(reco, data=np.array([0.1, 0.2, 0.3, 1 / 3]))
    else:
        parts["counts_off"] = RegionNDMap(reco, data=np.array([9, 5, 3, 0]))
        parts["acceptance"] = RegionNDMap(reco, data=np.ones(4))
        parts["acceptance_off"] = RegionNDMap(reco, data=np.full(4, 20 / 3))
    return kind(name=name, **{part: value for part, value in (parts | changes).items() if value is not None})


def maps_of_dataset(dataset):
    """Return the maps of a dataset by name, those inside responses included."""
    maps = {part: getattr(dataset, part) for part in (*dataset.reco_parts, "exposure")}
    for part, response in (("edisp", dataset.edisp), ("psf", dataset.psf)):
        maps[part] = None if response is None else response.irf_map
        maps[f"{part}_exposure"] = None if response is None else response.exposure_map
    return maps


def assert_identical_datasets(one, other):
    """Compare two datasets to the last bit."""
    assert type(one) is type(other)
    mine, theirs = maps_of_dataset(one), maps_of_dataset(other)
    for part, held in mine.items():
        if held is None:
            assert theirs[part] is None, part
            continue
        np.testing.assert_array_equal(held.data, theirs[part].data, err_msg=part)
        assert held.data.dtype.kind == theirs[part].data.dtype.kind, part
        assert theirs[part].data.dtype.isnative
        assert held.unit == theirs[part].unit, part
        for axis, read in zip(held.geom.axes, theirs[part].geom.axes, strict=True):
            assert (axis.name, axis.interp, axis.unit) == (read.name, read.interp, read.unit)
            np.testing.assert_array_equal(axis.edges.value, read.edges.value)
    assert type(one.edisp) is type(other.edisp)
    livetimes = [None if d.exposure is None else d.exposure.meta.get("livetime") for d in (one, other)]
    assert livetimes[0] == livetimes[1]
    assert (one.gti is None and other.gti is None) or one.gti == other.gti
    if one.meta_table is None:
        assert other.meta_table is None
    else:
        assert one.meta_table.colnames == other.meta_table.colnames
        for name in one.meta_table.colnames:
            np.testing.assert_array_equal(one.meta_table[name], other.meta_table[name])
            assert one.meta_table[name].unit == other.meta_table[name].unit


@pytest.fixture(scope="session")
def geometries():
    return geometries_of


@pytest.fixture(scope="session")
def full_dataset():
    return make_full_dataset


@pytest.fixture(scope="session")
def maps_of():
    return maps_of_dataset


@pytest.fixture(scope="session")
def assert_identical():
    return assert_identical_datasets
