"""Flux points and light curves beside gammapy's: the same numbers, and files in both directions."""

from __future__ import annotations

import json

import astropy.units as u
import numpy as np
import pytest

from gammafold.data.gti import GTI
from gammafold.datasets import Datasets, FluxPointsDataset, SpectrumDatasetOnOff
from gammafold.estimators import FluxPoints, FluxPointsEstimator, LightCurveEstimator, SensitivityEstimator
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files

pytestmark = pytest.mark.interop

EDGES = (10.0 ** np.array([-0.15, 0.05, 0.25, 0.45, 0.65, 0.85, 1.05, 1.25, 1.5])).tolist()
KINDS = ["dnde", "flux", "eflux", "e2dnde", "likelihood"]

PREPARE = """
import json, sys
from pathlib import Path
import astropy.units as u
import numpy as np
from gammapy.data import GTI
from gammapy.datasets import Datasets, FluxPointsDataset, SpectrumDatasetOnOff
from gammapy.estimators import FluxPoints, FluxPointsEstimator, LightCurveEstimator
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
folder = Path(sys.argv[1])

def read(files):
    datasets = Datasets([SpectrumDatasetOnOff.read(path) for path in files])
    for night, dataset in enumerate(datasets):
        start = 86400 * night * u.s
        dataset.gti = GTI.create(start, start + 1687 * u.s, reference_time="2004-12-04T22:00:00")
    model = PowerLawSpectralModel(index=2.69965, amplitude="4.57948e-11 cm-2 s-1 TeV-1")
    datasets.models = SkyModel(model, name="crab")
    return datasets

# Its minimiser stops a percent of an error away from the minimum unless it is asked for more.
tight = Fit(optimize_opts={"tol": 1e-4, "strategy": 2}, confidence_opts={"backend": "scipy"})

UNITS = {"dnde": "cm-2 s-1 TeV-1", "flux": "cm-2 s-1", "eflux": "erg cm-2 s-1", "e2dnde": "erg cm-2 s-1"}

def values(points, names):
    maps = {name: getattr(points, name) for name in names}
    units = {name: UNITS.get(name.split("_")[0]) or maps[name].unit for name in names}
    return {name: np.squeeze(maps[name].quantity.to_value(units[name])).tolist() for name in names}
"""


def crab():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    for night, dataset in enumerate(datasets):
        start = 86400 * night * u.s
        dataset.gti = GTI.create([start], [start + 1687 * u.s], reference_time="2004-12-04T22:00:00")
    model = PowerLawSpectralModel(index=2.69965, amplitude="4.57948e-11 cm-2 s-1 TeV-1")
    datasets.models = SkyModel(model, name="crab")
    return datasets


@pytest.fixture(scope="module")
def ours():
    return FluxPointsEstimator(energy_edges=EDGES * u.TeV, source="crab", selection_optional="all").run(crab())


@pytest.fixture(scope="module")
def our_light_curve():
    settings = {"energy_edges": [1, 10] * u.TeV, "selection_optional": "all"}
    return LightCurveEstimator(**settings).run(crab())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("points")


@pytest.fixture(scope="module")
def theirs(run_peer, folder):
    """What gammapy estimates; it writes its points to the folder."""
    code = (
        PREPARE
        + """
datasets = read(sys.argv[3:])
settings = {"source": "crab", "selection_optional": ["errn-errp", "ul", "scan"], "fit": tight}
points = FluxPointsEstimator(energy_edges=json.loads(sys.argv[2]) * u.TeV, **settings).run(datasets)
curve = LightCurveEstimator(energy_edges=[1, 10] * u.TeV, **settings).run(datasets)
for kind in ["dnde", "flux", "eflux", "e2dnde", "likelihood"]:
    for ending in ["fits", "ecsv"]:
        points.write(folder / f"theirs-{kind}.{ending}", sed_type=kind)
        curve.write(folder / f"theirs-curve-{kind}.{ending}", sed_type=kind)
names = ["norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "ts", "sqrt_ts", "stat", "stat_null"]
fluxes = [f"{kind}{end}" for kind in ["dnde", "flux", "eflux", "e2dnde"] for end in ["", "_ul"]]
print(json.dumps({
    "points": values(points, names + fluxes), "curve": values(curve, names + fluxes),
    "columns": points.to_table(sed_type="flux").colnames,
    "reference": points.to_table(sed_type="likelihood").colnames,
    "curve_columns": curve.to_table(sed_type="flux").colnames,
    "edges": points.geom.axes["energy"].edges.to_value("TeV").tolist(),
}))
"""
    )
    return run_peer("gammapy", code, folder, json.dumps(EDGES), *sample_files("crab-hess"))


def close(points, theirs, name, rtol):
    np.testing.assert_allclose(np.squeeze(getattr(points, name).data), theirs[name], rtol=rtol, err_msg=name)


@pytest.mark.parametrize("which", ["points", "curve"])
class TestSameNumbers:
    def test_norms_and_errors(self, ours, our_light_curve, theirs, which):
        points = {"points": ours, "curve": our_light_curve}[which]
        for name in ("norm", "norm_err"):
            close(points, theirs[which], name, rtol=1e-3)
        for name in ("stat", "stat_null", "ts", "sqrt_ts"):
            close(points, theirs[which], name, rtol=1e-4)

    def test_asymmetric_errors_and_limits(self, ours, our_light_curve, theirs, which):
        points = {"points": ours, "curve": our_light_curve}[which]
        for name in ("norm_errn", "norm_errp", "norm_ul"):
            close(points, theirs[which], name, rtol=5e-3)

    def test_fluxes(self, ours, our_light_curve, theirs, which):
        points = {"points": ours, "curve": our_light_curve}[which]
        for kind in ("dnde", "flux", "eflux", "e2dnde"):
            close(points, theirs[which], kind, rtol=1e-3)
            close(points, theirs[which], f"{kind}_ul", rtol=5e-3)


def test_same_edges_and_columns(ours, our_light_curve, theirs):
    np.testing.assert_allclose(ours.energy_axis.edges.to_value("TeV"), theirs["edges"], rtol=1e-6)
    assert set(theirs["columns"]) <= set(ours.to_table(sed_type="flux").colnames)
    assert set(theirs["reference"]) <= set(ours.to_table(sed_type="likelihood").colnames)
    assert set(theirs["curve_columns"]) <= set(our_light_curve.to_table(sed_type="flux").colnames)


@pytest.mark.parametrize("ending", ["fits", "ecsv"])
@pytest.mark.parametrize("kind", KINDS)
def test_we_read_what_they_write(theirs, folder, kind, ending):
    model = PowerLawSpectralModel(index=2.69965, amplitude="4.57948e-11 cm-2 s-1 TeV-1")
    for stem, which in (("theirs", "points"), ("theirs-curve", "curve")):
        points = FluxPoints.read(folder / f"{stem}-{kind}.{ending}", reference_model=model)
        for name in ("norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "ts", "sqrt_ts", "stat"):
            close(points, theirs[which], name, rtol=1e-6)
        assert points.n_sigma_ul == pytest.approx(2, abs=1e-3)
        assert points.has("stat_scan")
        assert points.success.data.all()
        if which == "curve":
            assert points.axes["time"].nbin == 4


@pytest.fixture(scope="module")
def read_by_them(run_peer, folder, ours, our_light_curve):
    """What gammapy finds in our files."""
    for kind in KINDS:
        for ending in ("fits", "ecsv"):
            ours.write(folder / f"ours-{kind}.{ending}", sed_type=kind)
            our_light_curve.write(folder / f"ours-curve-{kind}.{ending}", sed_type=kind)
    code = (
        PREPARE
        + """
model = PowerLawSpectralModel(index=2.69965, amplitude="4.57948e-11 cm-2 s-1 TeV-1")
names = ["norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "ts", "sqrt_ts", "stat", "is_ul", "npred", "counts"]
names += ["dnde", "flux", "eflux", "e2dnde", "success"]
found = {}
for path in sorted([*folder.glob("ours*.fits"), *folder.glob("ours*.ecsv")]):
    points = FluxPoints.read(path, reference_model=model)
    row = values(points, names)
    row["n_sigma_ul"] = float(points.n_sigma_ul or 2)
    row["scan"] = float(points.stat_scan.data.sum())
    row["axes"] = points.geom.axes.names
    if "time" in row["axes"]:
        row["mjd"] = points.geom.axes["time"].time_min.mjd.tolist()
    found[path.name] = row
print(json.dumps(found))
"""
    )
    return run_peer("gammapy", code, folder)


@pytest.mark.parametrize("ending", ["fits", "ecsv"])
@pytest.mark.parametrize("kind", KINDS)
def test_they_read_what_we_write(read_by_them, ours, our_light_curve, kind, ending):
    for stem, points in (("ours", ours), ("ours-curve", our_light_curve)):
        row = read_by_them[f"{stem}-{kind}.{ending}"]
        for name in ("norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "ts", "sqrt_ts", "stat"):
            close(points, row, name, rtol=1e-6)
        for name in ("npred", "counts", "dnde", "flux", "eflux", "e2dnde"):
            close(points, row, name, rtol=1e-4)
        np.testing.assert_array_equal(np.squeeze(points.is_ul.data), row["is_ul"])
        assert row["n_sigma_ul"] == 2
        assert row["scan"] == pytest.approx(points.stat_scan.data.sum(), rel=1e-6)
        assert row["axes"] == points.axes.names
        if points.has_time_axis:
            np.testing.assert_allclose(row["mjd"], points.axes["time"].time_min.mjd, atol=1e-8)


def test_fit_statistic_of_points_and_sensitivity(run_peer, ours, folder):
    """The chi2 of a file of ours in their dataset, and the flux that a run would just detect."""
    dataset = FluxPointsDataset(data=ours)
    dataset.models = SkyModel(PowerLawSpectralModel(index=2.5, amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    dataset.write(folder / "dataset.fits")
    spectrum = crab()[0].resample_energy_axis(ours.energy_axis)
    shape = PowerLawSpectralModel(index=2.4, amplitude="1e-12 cm-2 s-1 TeV-1")
    table = SensitivityEstimator(spectral_model=shape, gamma_min=5).run(spectrum)
    code = (
        PREPARE
        + """
from gammapy.estimators import SensitivityEstimator
from gammapy.maps import MapAxis
dataset = FluxPointsDataset.read(folder / "dataset.fits")
dataset.models = SkyModel(PowerLawSpectralModel(index=2.5, amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
axis = MapAxis.from_energy_edges(json.loads(sys.argv[2]) * u.TeV)
spectrum = read(sys.argv[3:4])[0].resample_energy_axis(axis)
shape = PowerLawSpectralModel(index=2.4, amplitude="1e-12 cm-2 s-1 TeV-1")
table = SensitivityEstimator(spectral_model=shape, gamma_min=5).run(spectrum)
print(json.dumps({
    "stat": float(dataset.stat_sum()), "stats": np.squeeze(dataset.stat_array()).tolist(),
    "columns": table.colnames, "criterion": list(table["criterion"]), "excess": table["excess"].tolist(),
    "e2dnde": table["e2dnde"].quantity.to_value("erg cm-2 s-1").tolist(),
}))
"""
    )
    theirs = run_peer("gammapy", code, folder, json.dumps(EDGES), *sample_files("crab-hess"))
    used = dataset.selected_bins()
    np.testing.assert_allclose(dataset.stat_array().ravel()[used], np.array(theirs["stats"])[used], rtol=0.05)
    assert table.colnames == theirs["columns"]
    # Theirs is not a number where no off counts were seen.
    known = np.isfinite(theirs["excess"])
    assert known.sum() >= 7
    assert np.isfinite(table["excess"]).all()
    np.testing.assert_array_equal(np.array(table["criterion"])[known], np.array(theirs["criterion"])[known])
    np.testing.assert_allclose(table["excess"][known], np.array(theirs["excess"])[known], rtol=1e-3)
    e2dnde = u.Quantity(table["e2dnde"]).to_value("erg cm-2 s-1")
    np.testing.assert_allclose(e2dnde[known], np.array(theirs["e2dnde"])[known], rtol=5e-3)
