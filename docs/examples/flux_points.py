"""Flux points of the Crab nebula on top of its spectrum."""

import matplotlib.pyplot as plt

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.estimators import FluxPointsEstimator
from gammafold.modeling import Fit
from gammafold.modeling.models import LogParabolaSpectralModel, SkyModel
from gammafold.samples import sample_files

datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
spectrum = LogParabolaSpectralModel(alpha=2.4, beta=0.1, amplitude="4e-11 cm-2 s-1 TeV-1", reference="1 TeV")
datasets.models = SkyModel(spectral_model=spectrum, name="crab")
Fit().run(datasets)

# Edges of flux points are edges of the data.
edges = datasets[0].reco_energy_axis.edges[[38, 42, 46, 50, 54, 58, 64, 70]]
points = FluxPointsEstimator(energy_edges=edges, source="crab", selection_optional=["errn-errp", "ul"]).run(datasets)
table = points.to_table(sed_type="e2dnde", formatted=True)
print(table["e_min", "e_max", "e2dnde", "e2dnde_err", "e2dnde_ul", "is_ul"])

figure, ax = plt.subplots()
spectrum.plot(edges[[0, -1]], ax, sed_type="e2dnde", label="log parabola")
spectrum.plot_error(edges[[0, -1]], ax, sed_type="e2dnde")
points.plot(ax, sed_type="e2dnde", color="black", label="flux points")
ax.legend()
