"""Datasets written to files and read again."""

import tempfile
from pathlib import Path

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.samples import sample_files

datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))

with tempfile.TemporaryDirectory() as folder:
    # gammapy's layout: one FITS file for each dataset, and a YAML file that lists them.
    datasets.write(Path(folder) / "datasets.yaml")
    again = Datasets.read(Path(folder) / "datasets.yaml")
    print(again)

    # OGIP: the spectrum, with background, area and redistribution beside it.
    datasets[0].write(Path(folder) / "pha_crab.fits", format="ogip")
    print(sorted(path.name for path in Path(folder).glob("pha_crab*")))
    print(SpectrumDatasetOnOff.read(Path(folder) / "pha_crab.fits"))
