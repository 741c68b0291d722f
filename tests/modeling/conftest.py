"""Every spectral model once, with parameters away from their defaults."""

import astropy.units as u
import numpy as np
import pytest

from gammafold.maps.axis import MapAxis
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling import models as m

DNDE = u.Unit("cm-2 s-1 TeV-1")


def grid_map():
    energy = MapAxis.from_nodes([0.1, 1, 10, 100] * u.TeV, interp="log", name="energy_true")
    index = MapAxis.from_nodes([1.5, 2, 3], name="index")
    scale = MapAxis.from_nodes([1, 3, 10] * u.GeV, interp="log", name="scale")
    fluxes = RegionNDMap.create(region=None, axes=[energy, index, scale], unit="cm-2 s-1 TeV-1")
    e, g, s = np.meshgrid(energy.center.value, index.center.value, scale.center.value, indexing="ij")
    fluxes.data = (1e-12 * e**-g * s**0.3 * (1 + 0.1 * g * s)).T[..., None, None]
    return fluxes


def ebl():
    energy, redshift = [0.05, 0.2, 1, 5, 20] * u.TeV, np.array([0.05, 0.1, 0.3])
    depth = redshift[:, None] ** 1.1 * energy.value**1.3 * 8
    return m.EBLAbsorptionNormSpectralModel(energy, redshift, np.exp(-depth), redshift=0.17, alpha_norm=0.9)


def template():
    return m.TemplateSpectralModel([0.1, 0.5, 3, 20, 60] * u.TeV, [3e-10, 1e-11, 2e-13, 5e-15, 0] * DNDE)


def smooth(energy, amplitude, index):
    return amplitude * energy**-index


SPECTRAL_MODELS = {
    "const": lambda: m.ConstantSpectralModel("2e-12 cm-2 s-1 TeV-1"),
    "pl": lambda: m.PowerLawSpectralModel(index=2.3, amplitude="3e-11 cm-2 s-1 TeV-1", reference="0.7 TeV"),
    "pl-2": lambda: m.PowerLaw2SpectralModel(amplitude="2e-11 cm-2 s-1", index=2.7, emin="0.3 TeV", emax="30 TeV"),
    "pl-norm": lambda: m.PowerLawNormSpectralModel(tilt=0.3, norm=1.2, reference="2 TeV"),
    "bpl": lambda: m.BrokenPowerLawSpectralModel(index1=1.7, index2=3.1, ebreak="2.3 TeV"),
    "sbpl": lambda: m.SmoothBrokenPowerLawSpectralModel(index1=1.7, index2=3.1, ebreak="2.3 TeV", beta=0.4),
    "piecewise-norm": lambda: m.PiecewiseNormSpectralModel([0.3, 2, 20] * u.TeV, norms=[0.8, 1.3, 0.6]),
    "step-norm": lambda: m.StepNormSpectralModel([0.5, 2, 20] * u.TeV, norms=[0.8, 1.3]),
    "piecewise-lin": lambda: m.PiecewiseNormSpectralModel([0.3, 2, 20] * u.TeV, norms=[0.8, 1.3, -0.2], interp="lin"),
    "lp": lambda: m.LogParabolaSpectralModel(reference="1.3 TeV", alpha=2.2, beta=0.13),
    "lp2": lambda: m.LogParabola2SpectralModel(reference="1.3 TeV", alpha=2.2, beta=0.13, escale="3 TeV"),
    "lp-norm": lambda: m.LogParabolaNormSpectralModel(norm=1.1, reference="1.3 TeV", alpha=0.2, beta=-0.05),
    "ecpl": lambda: m.ExpCutoffPowerLawSpectralModel(index=1.8, lambda_="0.15 TeV-1", alpha=1.0),
    "ecpl-sharp": lambda: m.ExpCutoffPowerLawSpectralModel(index=1.8, lambda_="0.15 TeV-1", alpha=1.7),
    "ecpl-norm": lambda: m.ExpCutoffPowerLawNormSpectralModel(index=0.2, norm=0.9, lambda_="0.05 TeV-1"),
    "ecpl-3fgl": lambda: m.ExpCutoffPowerLaw3FGLSpectralModel(index=1.8, ecut="7 TeV"),
    "secpl-3fgl": lambda: m.SuperExpCutoffPowerLaw3FGLSpectralModel(ecut="7 TeV", index_1=1.8, index_2=0.7),
    "secpl-4fgl": lambda: m.SuperExpCutoffPowerLaw4FGLSpectralModel(expfactor=3e-3, index_1=1.8, index_2=0.35),
    "secpl-4fgl-dr3": lambda: m.SuperExpCutoffPowerLaw4FGLDR3SpectralModel(expfactor=0.3, index_1=1.8, index_2=0.4),
    "gauss": lambda: m.GaussianSpectralModel(mean="2 TeV", sigma="0.4 TeV"),
    "log-gauss": lambda: m.LogGaussianSpectralModel(L="3e-12 cm-2 s-1", Ep="2 TeV", w=0.5),
    "meyer-crab": lambda: m.MeyerCrabSpectralModel(norm=1.1),
    "template": template,
    "templateND": lambda: m.TemplateNDSpectralModel(grid_map(), index=2.4, scale="2 GeV"),
    "ebl-norm": ebl,
    "function": lambda: m.FunctionSpectralModel(
        smooth, {"amplitude": "3e-11 cm-2 s-1 TeV-1", "index": 2.3}, plain=True
    ),
    "scale": lambda: m.ScaleSpectralModel(m.LogParabolaSpectralModel(beta=0.2), norm=1.7),
    "sum": lambda: m.PowerLawSpectralModel(index=2.3) + m.GaussianSpectralModel(mean="2 TeV", sigma="0.4 TeV"),
    "difference": lambda: m.PowerLawSpectralModel(index=2.3) - m.ConstantSpectralModel("1e-15 cm-2 s-1 TeV-1"),
    "product": lambda: m.LogParabolaSpectralModel(beta=0.2) * m.PowerLawNormSpectralModel(tilt=0.2),
    "absorbed": lambda: m.PowerLawSpectralModel(index=2.3) * ebl(),
    "ratio": lambda: m.PowerLawSpectralModel(index=2.3) / m.PowerLawNormSpectralModel(tilt=0.4, norm=3),
}


@pytest.fixture(params=list(SPECTRAL_MODELS))
def spectral_model(request):
    """Each spectral model in turn."""
    return SPECTRAL_MODELS[request.param]()
