"""A quick look at a dataset: counts, exposure and energy dispersion."""

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.samples import sample_files

dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
dataset.peek()
