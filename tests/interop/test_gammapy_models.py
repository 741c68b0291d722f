"""Files of models that gammapy 2.1 writes are read here, and those written here are read there, to the same fluxes."""

import json

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.maps.axis import MapAxis
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling import models as m

pytestmark = pytest.mark.interop

ENERGY = np.geomspace(0.05, 50, 12)
DNDE = u.Unit("cm-2 s-1 TeV-1")

# Makes one of each model in gammapy, writes them, and prints their fluxes.
WRITE = """
import json, sys
import astropy.units as u
import numpy as np
from gammapy.maps import MapAxis, RegionGeom, RegionNDMap
from gammapy.modeling.models import *

path, energy = sys.argv[1], json.loads(sys.argv[2]) * u.TeV
dnde = u.Unit("cm-2 s-1 TeV-1")
flux = PowerLawSpectralModel(index=2.2, amplitude="3e-11 cm-2 s-1 TeV-1", reference="0.8 TeV")
flux.index.error, flux.index.min, flux.amplitude.frozen = 0.1, 0.5, True
axes = [MapAxis.from_nodes([0.03, 1, 80], unit="TeV", name="energy_true", interp="log"),
        MapAxis.from_nodes([1, 2, 8], name="slope", interp="lin")]
grid = RegionNDMap.from_geom(RegionGeom.create(None, axes=axes), unit=dnde)
grid.data = np.arange(1, 10).reshape(grid.data.shape) * 1e-12
nd = TemplateNDSpectralModel(grid, filename=path + ".grid.fits")
nd.slope.value = 2
nd.write(overwrite=True)
depth = np.outer([0.05, 0.1, 0.2], energy.value) * 2
ebl = EBLAbsorptionNormSpectralModel(energy=energy, param=[0.05, 0.1, 0.2], data=np.exp(-depth), redshift=0.1,
                                     alpha_norm=0.8)
spectral = [
    ConstantSpectralModel(const=2e-12 * dnde), flux, PowerLaw2SpectralModel(index=2.7, emin="0.3 TeV"),
    BrokenPowerLawSpectralModel(index1=1.7, index2=3.1, ebreak="2.3 TeV"),
    SmoothBrokenPowerLawSpectralModel(index1=1.7, index2=3.1, ebreak="2.3 TeV", beta=0.4),
    ExpCutoffPowerLawSpectralModel(index=1.8, lambda_="0.15 TeV-1", alpha=1.7),
    ExpCutoffPowerLaw3FGLSpectralModel(index=1.8, ecut="7 TeV"),
    SuperExpCutoffPowerLaw3FGLSpectralModel(ecut="7 TeV", index_1=1.8, index_2=0.7),
    SuperExpCutoffPowerLaw4FGLDR3SpectralModel(expfactor=0.3, index_1=1.8, index_2=0.4),
    SuperExpCutoffPowerLaw4FGLSpectralModel(expfactor=3e-3, index_1=1.8, index_2=0.35),
    LogParabolaSpectralModel(alpha=2.2, beta=0.13), LogParabolaSpectralModel.from_log10("1e-12 cm-2 s-1 TeV-1", "1 TeV",
                                                                                     2.2, 0.3),
    TemplateSpectralModel([0.1, 1, 20] * u.TeV, [3e-10, 2e-12, 1e-15] * dnde), nd,
    GaussianSpectralModel(mean="2 TeV", sigma="0.4 TeV"),
    flux * PiecewiseNormSpectralModel([0.3, 2, 20] * u.TeV, norms=[0.8, 1.3, 0.6]),
    flux * PowerLawNormSpectralModel(tilt=0.3, norm=1.2), flux * LogParabolaNormSpectralModel(beta=0.1),
    flux * ExpCutoffPowerLawNormSpectralModel(lambda_="0.02 TeV-1"), flux * ebl,
    flux + PowerLawSpectralModel(index=3), flux - PowerLawSpectralModel(index=3),
]
temporal = [ConstantTemporalModel(), ExpDecayTemporalModel(t0="3 d"), GaussianTemporalModel(sigma="2 d"),
            PowerLawTemporalModel(alpha=0.5), SineTemporalModel(amp=0.3), LinearTemporalModel(alpha=2)]
models = Models([SkyModel(one, name=f"m{i}") for i, one in enumerate(spectral)])
for i, one in enumerate(temporal):
    models.append(SkyModel(flux.copy(), temporal_model=one, name=f"t{i}"))
models["m0"].parameters["const"].prior = GaussianPrior(mu=1e-12, sigma=3e-13)
models["m3"].spectral_model.index2 = models["m4"].spectral_model.index2
models.write(path, overwrite=True)
print(json.dumps([list(np.atleast_1d(one.spectral_model(energy).to_value(dnde))) for one in models]))
"""

# Reads a file of models in gammapy, and prints their fluxes and parameters.
READ = """
import json, sys
import astropy.units as u
import numpy as np
from gammapy.modeling.models import Models

energy = json.loads(sys.argv[2]) * u.TeV
models = Models.read(sys.argv[1])
fluxes = {one.name: list(np.atleast_1d(one.spectral_model(energy).to_value("cm-2 s-1 TeV-1"))) for one in models}
state = {one.name: [[p.name, p.value, str(p.unit), bool(p.frozen)] for p in one.spectral_model.parameters]
         for one in models}
linked = models["bpl"].spectral_model.index2 is models["sbpl"].spectral_model.index2
prior = models["pl"].spectral_model.index.prior
priors = {p.name: p.value for p in prior.parameters}
print(json.dumps({"fluxes": fluxes, "parameters": state, "linked": linked, "prior": priors,
                  "covariance": models.covariance.data.tolist()}))
"""


def test_files_of_gammapy_are_read(run_peer, tmp_path):
    path = tmp_path / "models.yaml"
    expected = run_peer("gammapy", WRITE, path, json.dumps(ENERGY.tolist()))
    models = m.Models.read(path)
    assert len(models) == len(expected)
    for model, fluxes in zip(models, expected, strict=True):
        found = model.spectral_model(ENERGY * u.TeV).to_value(DNDE)
        assert_allclose(found, fluxes, rtol=1e-9, err_msg=str(model))
    assert models["m1"].spectral_model.index.error == 0.1
    assert models["m1"].spectral_model.index.min == 0.5
    assert models["m1"].spectral_model.amplitude.frozen
    assert models["m3"].spectral_model.index2 is models["m4"].spectral_model.index2
    prior = models["m0"].spectral_model.const.prior
    assert isinstance(prior, m.GaussianPrior)
    assert prior.mu.value == 1e-12
    kinds = [type(model.temporal_model).__name__ for model in models if model.temporal_model is not None]
    assert kinds == [
        "ConstantTemporalModel", "ExpDecayTemporalModel", "GaussianTemporalModel", "PowerLawTemporalModel",
        "SineTemporalModel", "LinearTemporalModel",
    ]  # fmt: skip
    assert models["t1"].temporal_model.t0.value == 3


def own_models(folder):
    axes = [
        MapAxis.from_nodes([0.03, 1, 80] * u.TeV, name="energy_true", interp="log"),
        MapAxis.from_nodes([1, 2, 8], name="slope"),
    ]
    grid = RegionNDMap.create(region=None, axes=axes, unit=DNDE)
    grid.data = np.arange(1, 10).reshape(grid.data.shape) * 1e-12
    law = m.PowerLawSpectralModel(index=2.2, amplitude="3e-11 cm-2 s-1 TeV-1")
    depth = np.outer([0.05, 0.1, 0.2], ENERGY) * 2
    ebl = m.EBLAbsorptionNormSpectralModel(ENERGY * u.TeV, [0.05, 0.1, 0.2], np.exp(-depth), 0.1, 0.8)
    piecewise = m.PiecewiseNormSpectralModel([0.3, 2, 20] * u.TeV, norms=[0.8, 1.3, 0.6])
    spectral = {
        "const": m.ConstantSpectralModel("2e-12 cm-2 s-1 TeV-1"),
        "pl": law,
        "pl2": m.PowerLaw2SpectralModel(index=2.7, emin="300 GeV"),
        "bpl": m.BrokenPowerLawSpectralModel(index1=1.7, index2=3.1, ebreak="2.3 TeV"),
        "sbpl": m.SmoothBrokenPowerLawSpectralModel(index1=1.7, index2=3.1, ebreak="2.3 TeV", beta=0.4),
        "ecpl": m.ExpCutoffPowerLawSpectralModel(index=1.8, lambda_="0.15 TeV-1", alpha=1.7),
        "ecpl3": m.ExpCutoffPowerLaw3FGLSpectralModel(index=1.8, ecut="7 TeV"),
        "secpl3": m.SuperExpCutoffPowerLaw3FGLSpectralModel(ecut="7 TeV", index_1=1.8, index_2=0.7),
        "dr3": m.SuperExpCutoffPowerLaw4FGLDR3SpectralModel(expfactor=0.3, index_1=1.8, index_2=0.4),
        "secpl4": m.SuperExpCutoffPowerLaw4FGLSpectralModel(expfactor=3e-3, index_1=1.8, index_2=0.35),
        "lp": m.LogParabolaSpectralModel(alpha=2.2, beta=0.13),
        "lp2": m.LogParabola2SpectralModel(alpha=2.2, beta=0.13, escale="3 TeV"),
        "template": m.TemplateSpectralModel([0.1, 1, 20] * u.TeV, [3e-10, 2e-12, 1e-15] * DNDE),
        "nd": m.TemplateNDSpectralModel(grid, filename=folder / "own.fits", slope=2),
        "gauss": m.GaussianSpectralModel(mean="2 TeV", sigma="0.4 TeV"),
        "ebl": m.PowerLawSpectralModel(index=2.2) * ebl,
        "piecewise": m.PowerLawSpectralModel(index=2.2) * piecewise,
        "norms": m.PowerLawSpectralModel() * m.PowerLawNormSpectralModel(tilt=0.3, norm=1.2),
        "lp-norm": m.PowerLawSpectralModel() * m.LogParabolaNormSpectralModel(beta=0.1),
        "ecpl-norm": m.PowerLawSpectralModel() * m.ExpCutoffPowerLawNormSpectralModel(lambda_="0.02 TeV-1"),
        "sum": m.PowerLawSpectralModel() + m.PowerLawSpectralModel(index=3),
    }
    spectral["bpl"].index2 = spectral["sbpl"].index2
    law.index.prior = m.GaussianPrior(mu=2, sigma=0.3)
    law.index.error = 0.1
    return m.Models([m.SkyModel(model, name=name) for name, model in spectral.items()])


@pytest.mark.parametrize("full_output", [False, True])
def test_files_written_here_are_read_by_gammapy(run_peer, tmp_path, full_output):
    models = own_models(tmp_path)
    models.write(tmp_path / "models.yaml", full_output=full_output)
    found = run_peer("gammapy", READ, tmp_path / "models.yaml", json.dumps(ENERGY.tolist()))
    for model in models:
        expected = model.spectral_model(ENERGY * u.TeV).to_value(DNDE)
        assert_allclose(found["fluxes"][model.name], expected, rtol=1e-9, err_msg=model.name)
        for (name, value, unit, frozen), own in zip(
            found["parameters"][model.name], model.spectral_model.parameters, strict=True
        ):
            assert name == own.name
            assert_allclose((value * u.Unit(unit)).to_value(own.unit), own.value)
            assert frozen == own.frozen
    assert found["linked"]
    assert found["prior"] == {"mu": 2, "sigma": 0.3}
    assert_allclose(found["covariance"], models.covariance.data)


def test_published_spectra_are_those_of_gammapy(run_peer):
    code = """
import json, sys
import astropy.units as u
from gammapy.modeling.models import create_crab_spectral_model as crab, create_cosmic_ray_spectral_model as rays
energy = json.loads(sys.argv[1]) * u.TeV
made = {name: crab(name) for name in ("meyer", "hegra", "hess_pl", "hess_ecpl", "magic_lp", "magic_ecpl")}
made |= {name: rays(name) for name in ("proton", "Si", "Fe", "electron")}
print(json.dumps({name: model(energy).to_value("cm-2 s-1 TeV-1").tolist() for name, model in made.items()}))
"""
    for name, fluxes in run_peer("gammapy", code, json.dumps(ENERGY.tolist())).items():
        create = m.create_cosmic_ray_spectral_model if name[0] in "pSFe" else m.create_crab_spectral_model
        assert_allclose(create(name)(ENERGY * u.TeV).to_value(DNDE), fluxes, rtol=1e-9, err_msg=name)
