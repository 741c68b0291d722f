import numpy as np
import pytest

from gammafold.maps.axis import MapAxis
from gammafold.maps.region_map import RegionNDMap

CRAB = "icrs;circle(83.63, 22.01, 0.11)"


@pytest.fixture
def energy():
    """Four bins of half a decade: 0.1, 0.316, 1, 3.16, 10 TeV."""
    return MapAxis.from_energy_bounds("0.1 TeV", "10 TeV", nbin=4)


@pytest.fixture
def offset():
    return MapAxis.from_bounds(0, 2, 2, name="offset", unit="deg")


@pytest.fixture
def spectrum(energy):
    """1, 2, 3, 4 s in the four bins."""
    return RegionNDMap.create(CRAB, axes=[energy], unit="s", data=np.arange(1.0, 5.0))


@pytest.fixture
def cube(energy, offset):
    """0 ... 7, energy fastest."""
    return RegionNDMap.create(CRAB, axes=[energy, offset], data=np.arange(8.0).reshape(2, 4, 1, 1))
