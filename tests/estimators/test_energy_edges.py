"""Edges of bins that hold enough: against a count by hand, bin by bin."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.datasets import SpectrumDataset
from gammafold.estimators.utils import resample_energy_edges
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.stats import WStatCountsStatistic
from gammafold.utils.errors import InputError


@pytest.fixture
def dataset():
    axis = MapAxis.from_edges([1, 2, 3, 4, 5, 6, 7, 8, 9] * u.TeV, name="energy", interp="log")
    geom = RegionGeom.create(None, axes=[axis])
    counts = RegionNDMap(geom, data=np.array([4.0, 3, 9, 5, 4, 2, 1, 7]).reshape(-1, 1, 1))
    safe = RegionNDMap(geom, data=np.array([0, 1, 1, 1, 1, 1, 1, 0], dtype=bool).reshape(-1, 1, 1))
    return SpectrumDataset(counts=counts, mask_safe=safe, name="hand")


def test_bins_grow_from_above_and_the_rest_is_in_the_last(dataset):
    # From above, inside the safe range: 1 + 2 + 4 reach 6, then 5 + 9, then 3 alone do not.
    assert_allclose(resample_energy_edges(dataset, {"counts_min": 6}).to_value("TeV"), [2, 5, 8])
    assert_allclose(resample_energy_edges(dataset, {"counts_min": 3}).to_value("TeV"), [2, 3, 4, 5, 6, 8])
    assert_allclose(resample_energy_edges(dataset, {"counts_min": 24}).to_value("TeV"), [2, 8])
    assert_allclose(resample_energy_edges(dataset).to_value("TeV"), [2, 3, 4, 5, 6, 7, 8])


def test_what_is_not_fitted_is_left_out(dataset):
    dataset.mask_fit = dataset.counts.geom.energy_mask(energy_max=6 * u.TeV)
    assert_allclose(resample_energy_edges(dataset, {"counts_min": 9}).to_value("TeV"), [2, 4, 6])


def test_all_conditions_hold_in_every_bin(crab):
    stacked = crab.stack_reduce()
    edges = resample_energy_edges(stacked, {"sqrt_ts_min": 4, "background_min": 2.5})
    assert len(edges) > 3
    axis = stacked.reco_energy_axis
    part = {name: getattr(stacked, name).data.ravel() for name in ("counts", "counts_off", "background")}
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (axis.edges[:-1] >= low * 0.999) & (axis.edges[1:] <= high * 1.001)
        n_on, n_off, background = (part[name][inside].sum() for name in ("counts", "counts_off", "background"))
        assert background >= 2.5
        assert WStatCountsStatistic(n_on, n_off, background / n_off).sqrt_ts >= 4


def test_conditions_that_cannot_be(dataset):
    with pytest.raises(InputError, match=r"dataset 'hand' as a whole does not meet \{'counts_min': 25\}"):
        resample_energy_edges(dataset, {"counts_min": 25})
    with pytest.raises(InputError, match=r"no condition \['counts'\]: there are \['counts_min'"):
        resample_energy_edges(dataset, {"counts": 25})
    dataset.mask_safe.data[:] = False
    with pytest.raises(InputError, match="no bin of dataset 'hand' is safe and to be fitted"):
        resample_energy_edges(dataset)
