"""A light curve: the flux in each run, and whether it is constant."""

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.estimators import LightCurveEstimator
from gammafold.estimators.variability import constant_chi2
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.report.observation_times import read_observation_times, set_observation_times
from gammafold.samples import sample_files

files = sample_files("crab-hess")
datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in files)
# These files tell no times: a table does.
set_observation_times(datasets, read_observation_times(files[0].parent / "observations.ecsv"))

spectrum = PowerLawSpectralModel(index=2.7, amplitude="4e-11 cm-2 s-1 TeV-1", reference="1 TeV")
datasets.models = SkyModel(spectral_model=spectrum, name="crab")
Fit().run(datasets)

edges = datasets[0].reco_energy_axis.edges[[40, 60]]
light_curve = LightCurveEstimator(energy_edges=edges, source="crab").run(datasets)
print(constant_chi2(light_curve))
light_curve.plot(sed_type="flux")
