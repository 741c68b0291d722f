"""Fit a power law to four H.E.S.S. runs on the Crab nebula."""

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files

datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
spectrum = PowerLawSpectralModel(index=2.5, amplitude="4e-11 cm-2 s-1 TeV-1", reference="1 TeV")
datasets.models = SkyModel(spectral_model=spectrum, name="crab")

result = Fit().run(datasets)
print(result)

stacked = datasets.stack_reduce(name="four runs")
stacked.models = datasets.models
stacked.plot_fit()
