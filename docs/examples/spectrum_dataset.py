"""A spectrum that was never observed: created, simulated, masked and fitted."""

import astropy.units as u

from gammafold.datasets import SpectrumDataset
from gammafold.irf import EDispKernelMap
from gammafold.maps import MapAxis, RegionGeom
from gammafold.modeling import Fit
from gammafold.modeling.models import ExpCutoffPowerLawSpectralModel, SkyModel

energy = MapAxis.from_energy_bounds("0.3 TeV", "100 TeV", nbin=20)
energy_true = MapAxis.from_energy_bounds("0.1 TeV", "200 TeV", nbin=60, name="energy_true")
geom = RegionGeom.create("icrs;circle(83.63, 22.01, 0.11)", axes=[energy])

dataset = SpectrumDataset.create(geom, energy_true, name="simulated")
dataset.exposure.quantity = 2e13 * u.Unit("cm2 s") * (energy_true.center / u.TeV).reshape(-1, 1, 1) ** 0.3
dataset.edisp = EDispKernelMap.from_gauss(energy, energy_true, sigma=0.15, bias=0.0)
dataset.background.data[:, 0, 0] = 30 * (energy.center / u.TeV) ** -1.7

spectrum = ExpCutoffPowerLawSpectralModel(index=2, amplitude="2e-11 cm-2 s-1 TeV-1", lambda_="0.05 TeV-1")
dataset.models = SkyModel(spectral_model=spectrum, name="source")
dataset.fake(random_state=42)

dataset.mask_safe = geom.energy_mask(energy_min="0.5 TeV")
dataset.mask_fit = geom.energy_mask(energy_max="50 TeV")
print(Fit().run(dataset))
dataset.plot_fit(kwargs_residuals={"method": "diff/sqrt(model)"})
