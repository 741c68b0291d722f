"""The region of a spectrum on the sky, coloured by its residual."""

from gammafold.datasets import SpectrumDataset
from gammafold.maps import MapAxis, RegionGeom

energy = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=4)
geom = RegionGeom.create("galactic;annulus(184.56, -5.78, 0.2, 0.5)", axes=[energy])
dataset = SpectrumDataset.create(geom, name="ring")
dataset.mask_safe.data[:] = True
dataset.background.data[:, 0, 0] = [40, 15, 6, 2]
dataset.fake(random_state=1)
dataset.plot_residuals_spatial(method="diff/sqrt(model)")
