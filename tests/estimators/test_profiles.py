"""Profiles over regions: fluxes and counts, each what it is alone."""

from __future__ import annotations

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleAnnulusSkyRegion, CircleSkyRegion, RectangleSkyRegion

from gammafold.datasets import Datasets
from gammafold.estimators import ExcessProfileEstimator, FluxPoints, FluxPointsEstimator, FluxProfileEstimator
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.stats.counts_statistic import CashCountsStatistic, WStatCountsStatistic
from gammafold.utils.errors import InputError

CENTER = SkyCoord(83.63, 22.01, unit="deg")
EDGES = [1, 10, 100] * u.TeV
ENERGIES = np.geomspace(1, 100, 5)


def boxes(n=3):
    return [
        RectangleSkyRegion(CENTER.directional_offset_by(90 * u.deg, 0.2 * i * u.deg), 0.2 * u.deg, 0.4 * u.deg)
        for i in range(n)
    ]


def rings():
    inner = CircleSkyRegion(CENTER, 0.1 * u.deg)
    return [inner, *(CircleAnnulusSkyRegion(CENTER, i * 0.1 * u.deg, (i + 1) * 0.1 * u.deg) for i in (1, 2))]


COUNTS = [[9, 5, 4, 1], [14, 7, 3, 2], [2, 1, 0, 0]]
OFF = [[10, 6, 2, 1], [12, 5, 3, 1], [9, 4, 1, 0]]


def spectra(make, regions, measured=True):
    parts = []
    for i, region in enumerate(regions):
        kind = {"n_off": OFF[i]} if measured else {"background": 0.2 * np.array(OFF[i]) + 0.5}
        parts.append(make(COUNTS[i], name=f"r{i}", region=region, energies=ENERGIES, **kind))
    return Datasets(parts)


class TestFlux:
    @pytest.mark.parametrize("regions", [boxes(), rings()], ids=["boxes", "rings"])
    def test_each_region_is_what_it_is_alone(self, make, regions):
        model = PowerLawSpectralModel(amplitude="4e-13 cm-2 s-1 TeV-1", index=2.2)
        datasets = spectra(make, regions)
        found = FluxProfileEstimator(regions, model, energy_edges=EDGES, selection_optional="all").run(datasets)
        assert found.axes.names == ["energy", "projected-distance"]
        for number, dataset in enumerate(datasets):
            dataset.models = SkyModel(model.copy(), name="alone")
            alone = FluxPointsEstimator(energy_edges=EDGES, selection_optional="all").run(dataset)
            for name in ("norm", "norm_err", "norm_ul", "ts", "counts", "stat_scan"):
                np.testing.assert_allclose(found.quantity(name).data[number], alone.quantity(name).data, rtol=1e-7)

    def test_distances(self):
        side = FluxProfileEstimator(boxes()).projected_distance_axis
        np.testing.assert_allclose(side.edges.to_value("deg"), [-0.1, 0.1, 0.3, 0.5], atol=1e-6)
        around = FluxProfileEstimator(rings()).projected_distance_axis
        np.testing.assert_allclose(around.edges.to_value("deg"), [0, 0.1, 0.2, 0.3], atol=1e-12)

    def test_models_that_are_set_stay(self, make):
        datasets = spectra(make, boxes(), measured=False)
        other = SkyModel(PowerLawSpectralModel(amplitude="2e-13 cm-2 s-1 TeV-1"), name="other")
        bare = FluxProfileEstimator(boxes(), energy_edges=EDGES).run(datasets)
        datasets.models = other
        on_top = FluxProfileEstimator(boxes(), energy_edges=EDGES).run(datasets)
        assert [model.name for model in datasets.models] == ["other"]
        assert (on_top.norm.data < bare.norm.data).all()

    def test_table_and_plot(self, make, tmp_path):
        estimator = FluxProfileEstimator(boxes(), energy_edges=EDGES, selection_optional=["ul", "errn-errp"])
        found = estimator.run(spectra(make, boxes()))
        found.write(tmp_path / "profile.fits", sed_type="flux")
        again = FluxPoints.read(tmp_path / "profile.fits", reference_model=found.reference_model)
        np.testing.assert_allclose(again.norm_ul.data, found.norm_ul.data, rtol=1e-9)
        assert {"x_min", "x_max", "x_ref", "flux", "e_ref"} <= set(found.to_table(sed_type="flux").colnames)
        ax = found.plot(plt.figure().subplots(), sed_type="flux")
        assert ax.get_xlabel() == "Projected distance [deg]"
        np.testing.assert_allclose(ax.containers[0][0].get_xdata(), [0, 0.2, 0.4], atol=1e-6)
        plt.close("all")


class TestExcess:
    @pytest.mark.parametrize("measured", [True, False])
    def test_sums(self, make, measured):
        estimator = ExcessProfileEstimator(boxes(), energy_edges=EDGES, n_sigma_ul=2)
        table = estimator.run(spectra(make, boxes(), measured))
        counts = np.array(COUNTS).reshape(3, 2, 2).sum(axis=2)
        off = np.array(OFF).reshape(3, 2, 2).sum(axis=2)
        np.testing.assert_array_equal(table["counts"], counts)
        background = 0.2 * off + (0 if measured else 1.0)
        np.testing.assert_allclose(table["excess"], counts - background)
        expected = (
            WStatCountsStatistic(counts, off, np.full(off.shape, 0.2))
            if measured
            else CashCountsStatistic(counts, background)
        )
        np.testing.assert_allclose(table["sqrt_ts"], expected.sqrt_ts)
        np.testing.assert_allclose(table["ul"], expected.compute_upper_limit(2))
        np.testing.assert_allclose(table["errn"], expected.compute_errn(1))
        np.testing.assert_allclose(u.Quantity(table["x_ref"]).to_value("deg"), [0, 0.2, 0.4], atol=1e-6)
        np.testing.assert_allclose(u.Quantity(table["solid_angle"]).to_value("deg2"), 0.08, rtol=1e-2)

    def test_masks_and_several_datasets_of_a_region(self, make):
        first, second = spectra(make, boxes()), spectra(make, boxes())
        second = Datasets(dataset.copy(name=f"{dataset.name}-again") for dataset in second)
        for dataset in second:
            dataset.mask_safe = dataset.counts.geom.energy_mask(energy_min=10 * u.TeV)
        table = ExcessProfileEstimator(boxes(), selection_optional=None).run(Datasets([*first, *second]))
        counts = np.array(COUNTS)
        np.testing.assert_array_equal(table["counts"].ravel(), counts.sum(axis=1) + counts[:, 2:].sum(axis=1))
        assert "ul" not in table.colnames


class TestBadInput:
    def test_regions(self):
        with pytest.raises(InputError, match="a profile needs at least two regions: got 1"):
            FluxProfileEstimator(boxes(1))
        with pytest.raises(InputError, match="expected increasing distances"):
            FluxProfileEstimator([boxes()[i] for i in (0, 2, 1)])
        gap = [CircleSkyRegion(CENTER, 0.1 * u.deg), CircleAnnulusSkyRegion(CENTER, 0.2 * u.deg, 0.3 * u.deg)]
        with pytest.raises(InputError, match="each to begin where the one before ends"):
            ExcessProfileEstimator(gap)
        squares = [RectangleSkyRegion(CENTER, size * u.deg, size * u.deg) for size in (0.1, 0.2)]
        with pytest.raises(InputError, match="expected circles and annuli"):
            FluxProfileEstimator(squares)

    def test_a_dataset_of_another_region(self, make):
        datasets = spectra(make, boxes())
        with pytest.raises(InputError, match=r"(?s)dataset 'r2' is the spectrum of .* none of the 2 regions"):
            FluxProfileEstimator(boxes(2), energy_edges=EDGES).run(datasets)

    def test_settings(self):
        with pytest.raises(InputError, match="n_sigma is -1"):
            ExcessProfileEstimator(boxes(), n_sigma=-1)
        with pytest.raises(InputError, match=r"selection_optional has \['scan'\]"):
            ExcessProfileEstimator(boxes(), selection_optional=["scan"])

    def test_no_background_or_another_kind(self, make):
        bare = spectra(make, boxes(), measured=False)
        bare[1].background = None
        with pytest.raises(InputError, match="dataset 'r1' has no counts or no background"):
            ExcessProfileEstimator(boxes()).run(bare)
        mixed = Datasets([spectra(make, boxes())[0], *list(spectra(make, boxes(), measured=False))[1:]])
        with pytest.raises(InputError, match="dataset 'r1' has no off counts, unlike 'r0'"):
            ExcessProfileEstimator(boxes()).run(mixed)
