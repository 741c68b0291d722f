"""``gammafold convert``: there and back again, with the same counts, masks and predictions."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.report.spectra import file_format, read_spectrum_file, write_spectra
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError

MODEL = SkyModel(PowerLawSpectralModel(index=2.4, amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")


@pytest.fixture
def crab():
    return Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))


def assert_same(one, other):
    one.models = other.models = MODEL
    assert one.name == other.name
    for part in ("counts", "counts_off", "mask_safe"):
        assert_array_equal(getattr(one, part).data, getattr(other, part).data)
    assert_allclose(one.npred_signal().data, other.npred_signal().data, rtol=1e-6)
    assert_allclose(one.stat_sum(), other.stat_sum(), rtol=1e-8)


def test_there_and_back_again(crab_folder, run, crab):
    result = run("convert pha_obs*.fits -o gadf")
    assert result.exit_code == 0, result.output
    assert (crab_folder / "gadf" / "23523.fits").exists()
    for one, other in zip(Datasets.read("gadf/datasets.yaml"), crab, strict=True):
        assert_same(one, other)
    assert run("convert gadf/datasets.yaml -o ogip").exit_code == 0
    assert run("convert gadf/23526.fits -o single").exit_code == 0
    for other in crab:
        assert_same(SpectrumDatasetOnOff.read(f"ogip/pha_{other.name}.fits"), other)
    assert_same(SpectrumDatasetOnOff.read("single/pha_23526.fits"), crab["23526"])


def test_channels_from_one(crab_folder, run, crab):
    assert run("convert pha_obs23523.fits --to ogip-sherpa -o out").exit_code == 0
    from gammafold.data.ogip import read_rmf

    assert read_rmf("out/pha_23523_rmf.fits").first_channel == 1
    assert_same(SpectrumDatasetOnOff.read("out/pha_23523.fits"), crab["23523"])


def test_every_command_reads_lists_and_datasets(crab_folder, run):
    assert run("convert pha_obs*.fits -o gadf").exit_code == 0
    results = [
        run(f"fit {what} -o fit --overwrite").stdout for what in ("pha_obs*.fits", "gadf/datasets.yaml", "gadf/2*.fits")
    ]
    assert results[0] == results[1] == results[2]
    assert run("info gadf/23523.fits gadf/datasets.yaml").exit_code == 0
    assert (crab_folder / "datasets.yaml.png").exists()


def test_a_known_background(tmp_path, crab):
    dataset = crab[0].to_spectrum_dataset(name="cash")
    written = write_spectra(Datasets([dataset]), "gadf", tmp_path, overwrite=False)
    assert [path.name for path in written] == ["cash.fits", "datasets.yaml"]
    assert file_format(written[0]) == "gadf"
    assert file_format(written[1]) == "list"
    for path in written:
        (again,) = read_spectrum_file(path)
        assert type(again) is SpectrumDataset
        assert_array_equal(again.background.data, dataset.background.data)


def test_existing_files_stay(crab_folder, run, fails):
    assert run("convert pha_obs23523.fits").exit_code == 0
    path = crab_folder / "gammafold-convert" / "23523.fits"
    before = path.read_bytes()
    assert "exist" in fails("convert pha_obs23523.fits")
    assert path.read_bytes() == before
    assert run("convert pha_obs23523.fits --overwrite").exit_code == 0


def test_unknown_layout(tmp_path, crab):
    with pytest.raises(InputError, match=r"no layout 'sherpa' of spectra: there are \['gadf', 'ogip', 'ogip-sherpa'\]"):
        write_spectra(crab, "sherpa", tmp_path, overwrite=False)
    assert not np.any(list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("convert nothing.fits", "no such file: nothing.fits"),
        ("convert nothing.yaml", "nothing.yaml"),
        ("convert arf_obs23523.fits", "no extension SPECTRUM"),
        ("convert LICENSE", "LICENSE"),
    ],
)
def test_bad_input_is_one_line(crab_folder, fails, line, message):
    assert re.search(message, fails(line))


def test_both_layouts_at_once(crab_folder, run, fails):
    assert run("convert pha_obs23523.fits -o gadf").exit_code == 0
    line = "convert gadf/23523.fits pha_obs23526.fits -o both"
    assert "say with --to which one to write" in fails(line)
    assert run(f"{line} --to gadf").exit_code == 0


@pytest.mark.parametrize("layout", ["gadf", "ogip"])
def test_an_existing_file_names_the_option(crab_folder, run, fails, layout):
    line = f"convert pha_obs23523.fits --to {layout} -o out"
    assert run(line).exit_code == 0
    message = fails(line)
    assert re.search(r"file exists: .*23523.*\.fits.*\(pass --overwrite to replace it\)", message)
    assert run(f"{line} --overwrite").exit_code == 0
