"""Collections of datasets in YAML files, with the FITS files and the models that belong to them."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
import yaml
from astropy.table import Table

from gammafold.datasets import (
    Datasets,
    FluxPointsDataset,
    MapDataset,
    MapDatasetOnOff,
    SpectrumDataset,
    SpectrumDatasetOnOff,
)
from gammafold.datasets.flux_points import FluxPoints
from gammafold.datasets.slots import LazyPart
from gammafold.modeling.models import FoVBackgroundModel, Models, PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, GammafoldWarning, InputError

KINDS = [SpectrumDataset, SpectrumDatasetOnOff, MapDataset, MapDatasetOnOff]


@pytest.fixture
def datasets(full_dataset):
    """Return datasets of all kinds, with models that share a parameter and have a covariance."""
    members = Datasets([full_dataset(kind, kind.tag) for kind in KINDS])
    one = SkyModel(PowerLawSpectralModel(amplitude="3e-12 cm-2 s-1 TeV-1"), name="one")
    two = SkyModel(PowerLawSpectralModel(index=2.5), name="two", datasets_names=["MapDataset", "SpectrumDatasetOnOff"])
    two.spectral_model.amplitude = one.spectral_model.amplitude
    two.spectral_model.index.frozen = True
    one.spectral_model.index.min, one.spectral_model.index.max = 1.5, 3.5
    background = FoVBackgroundModel(dataset_name="SpectrumDataset")
    members.models = Models([one, two, background])
    free = [one.spectral_model.index, one.spectral_model.amplitude, background.spectral_model.norm]
    root = np.diag([0.1, 2e-13, 0.05]) @ np.array([[1, 0, 0], [0.6, 0.8, 0], [0.1, 0.2, 0.9]])
    members.models.set_covariance(free, root @ root.T)
    return members


@pytest.fixture
def listed(datasets, tmp_path):
    """Return the YAML file of written datasets."""
    datasets.write(tmp_path / "datasets.yaml", tmp_path / "models.yaml")
    return tmp_path / "datasets.yaml"


def rewrite(path, change):
    """Change the content of a YAML file."""
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


# -- one dataset


def test_the_entry_of_a_dataset(full_dataset):
    dataset = full_dataset(name="run 7/β")
    assert dataset.to_dict() == {"name": "run 7/β", "type": "SpectrumDataset", "filename": "run_7__.fits"}
    assert dataset.to_dict(filename="a/b.fits")["filename"] == "a/b.fits"


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_from_its_entry(kind, full_dataset, assert_identical, tmp_path):
    dataset = full_dataset(kind)
    dataset.write(tmp_path / "a.fits")
    entry = dataset.to_dict(tmp_path / "a.fits")
    assert entry["type"] == kind.tag
    assert_identical(dataset, kind.from_dict(entry))
    assert kind.from_dict({"filename": str(tmp_path / "a.fits"), "name": "other"}).name == "other"
    lazy = kind.from_dict(entry, lazy=True, cache=False)
    assert lazy.counts is not lazy.counts


def test_entries_that_are_incomplete(full_dataset, tmp_path):
    with pytest.raises(FileFormatError, match=r"dataset 'a' has no 'filename': there are \['name', 'type'\]"):
        SpectrumDataset.from_dict({"name": "a", "type": "SpectrumDataset"})
    with pytest.raises(FileFormatError, match="dataset 'a' has the type 'MapDataset': SpectrumDataset reads 'Spec"):
        SpectrumDataset.from_dict({"name": "a", "type": "MapDataset", "filename": "a.fits"})
    with pytest.raises(FileFormatError, match="'a.fits' is no dataset: expected name, type and filename"):
        SpectrumDataset.from_dict("a.fits")


# -- collections


@pytest.mark.parametrize("lazy", [True, False])
@pytest.mark.parametrize("checksum", [True, False])
def test_collections_come_back(lazy, checksum, datasets, tmp_path, assert_identical):
    datasets.write(tmp_path / "datasets.yaml", tmp_path / "models.yaml", checksum=checksum)
    read = Datasets.read(tmp_path / "datasets.yaml", tmp_path / "models.yaml", lazy=lazy, checksum=checksum)
    assert isinstance(read[0].__dict__["_counts"], LazyPart) == lazy
    assert read.names == datasets.names
    assert read.stat_sum() == datasets.stat_sum()
    for one, other in zip(datasets, read, strict=True):
        assert_identical(one, other)
        assert other.models.names == one.models.names
        np.testing.assert_array_equal(one.npred().data, other.npred().data)


def test_models_come_back(datasets, listed):
    read = Datasets.read(listed, listed.with_name("models.yaml")).models
    assert read.names == datasets.models.names
    assert read["two"].spectral_model.amplitude is read["one"].spectral_model.amplitude
    assert read["two"].spectral_model.index.frozen
    index = read["one"].spectral_model.index
    assert (index.min, index.max) == (1.5, 3.5)
    np.testing.assert_array_equal(read.covariance.data, datasets.models.covariance.data)
    assert index.error == datasets.models["one"].spectral_model.index.error > 0


def test_without_models(datasets, tmp_path):
    datasets.write(tmp_path / "datasets.yaml")
    assert {path.suffix for path in tmp_path.iterdir()} == {".yaml", ".fits"}
    read = Datasets.read(tmp_path / "datasets.yaml")
    assert [dataset.models for dataset in read] == [None] * 4


def test_without_covariance(datasets, tmp_path):
    datasets.write(tmp_path / "datasets.yaml", tmp_path / "models.yaml", write_covariance=False)
    assert not list(tmp_path.glob("*covariance*"))
    read = Datasets.read(tmp_path / "datasets.yaml", tmp_path / "models.yaml")
    assert read.models["one"].spectral_model.index.value == 2.0


def test_the_list(listed, datasets):
    content = yaml.safe_load(listed.read_text())
    assert content["datasets"] == [dataset.to_dict() for dataset in datasets]
    assert content["metadata"]["creator"].startswith("gammafold ")


def test_a_folder_can_be_moved(listed, tmp_path, datasets):
    (tmp_path / "elsewhere").mkdir()
    for path in tmp_path.glob("*.*"):
        path.rename(tmp_path / "elsewhere" / path.name)
    read = Datasets.read(tmp_path / "elsewhere" / "datasets.yaml", tmp_path / "elsewhere" / "models.yaml")
    assert read.stat_sum() == datasets.stat_sum()


def test_files_elsewhere(listed, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "SpectrumDataset.fits").rename(tmp_path / "data" / "s.fits")
    monkeypatch.setenv("GAMMA_DATA", str(tmp_path / "data"))
    for filename in ("data/s.fits", str(tmp_path / "data" / "s.fits"), "$GAMMA_DATA/s.fits"):
        rewrite(listed, lambda content, filename=filename: content["datasets"][0].update(filename=filename))
        assert Datasets.read(listed)[0].counts.data.sum() == 9


def test_names_that_make_the_same_file_name(full_dataset, tmp_path):
    Datasets([full_dataset(name=name) for name in ("a b", "a/b", "A_b")]).write(tmp_path / "datasets.yaml")
    assert sorted(path.name for path in tmp_path.glob("*.fits")) == ["A_b-3.fits", "a_b-2.fits", "a_b.fits"]
    assert Datasets.read(tmp_path / "datasets.yaml").names == ["a b", "a/b", "A_b"]


def test_ogip_spectra_in_a_list(tmp_path):
    files = sample_files("crab-hess")[:2]
    entries = [{"name": f"run {i}", "type": "SpectrumDatasetOnOff", "filename": str(f)} for i, f in enumerate(files)]
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump({"datasets": entries}))
    read = Datasets.read(tmp_path / "datasets.yaml")
    assert read.names == ["run 0", "run 1"]
    assert read[0].counts_off.data.sum() == SpectrumDatasetOnOff.read(files[0]).counts_off.data.sum()


def test_flux_points_in_a_list(full_dataset, tmp_path):
    flux = u.Unit("cm-2 s-1 TeV-1")
    table = Table({"e_ref": [1, 3] * u.TeV, "dnde": [2e-12, 3e-13] * flux, "dnde_err": [2e-13, 1e-13] * flux})
    points = FluxPoints.from_table(table, sed_type="dnde")
    source = SkyModel(PowerLawSpectralModel(amplitude="2e-12 cm-2 s-1 TeV-1"), name="source")
    datasets = Datasets([full_dataset(name="spectrum"), FluxPointsDataset(data=points, name="points")])
    datasets.models = source
    datasets.write(tmp_path / "datasets.yaml", tmp_path / "models.yaml")
    read = Datasets.read(tmp_path / "datasets.yaml", tmp_path / "models.yaml")
    assert [type(dataset) for dataset in read] == [SpectrumDataset, FluxPointsDataset]
    assert read.stat_sum() == pytest.approx(datasets.stat_sum(), rel=1e-12)


def test_no_datasets_at_all(tmp_path):
    Datasets().write(tmp_path / "datasets.yaml")
    assert len(Datasets.read(tmp_path / "datasets.yaml")) == 0


# -- what goes wrong


def test_a_write_that_fails_half_way_leaves_everything_as_it_was(datasets, listed, tmp_path):
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    datasets[0].counts.data += 1
    datasets.models[0].spectral_model.index.value += 1
    datasets[-1].exposure.data[0] = np.nan
    with pytest.raises(InputError, match="exposure of dataset .* is not finite"):
        datasets.write(listed, tmp_path / "models.yaml", overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_files_of_one_name(datasets, tmp_path):
    name = f"{datasets[0].name}.fits"
    for files in ((name,), ("all.yaml", "all.yaml"), ("all.yaml", name)):
        with pytest.raises(
            InputError, match=f"two of the files to write would be called .*{files[-1]}: choose another"
        ):
            datasets.write(*(tmp_path / file for file in files), overwrite=True)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_a_file_exists(datasets, listed, tmp_path):
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "SpectrumDataset.fits").unlink()
    (tmp_path / "datasets.yaml").unlink()
    with pytest.raises(InputError, match=r"file exists: .*SpectrumDatasetOnOff.fits.*overwrite=True"):
        datasets.write(listed, tmp_path / "models.yaml")
    assert not listed.exists()
    assert not (tmp_path / "SpectrumDataset.fits").exists()
    datasets.write(listed, tmp_path / "models.yaml", overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["models.yaml", "models_covariance.dat"])
def test_existing_models_are_not_replaced(name, datasets, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"file exists: .*{name}"):
        datasets.write(tmp_path / "datasets.yaml", tmp_path / "models.yaml")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_missing_file_in_the_list(listed, tmp_path):
    (tmp_path / "MapDataset.fits").unlink()
    for lazy in (True, False):
        with pytest.raises(FileFormatError, match=r"datasets\.yaml: dataset 'MapDataset': .*MapDataset\.fits: No such"):
            Datasets.read(listed, lazy=lazy)


def test_a_damaged_file_in_the_list(listed, tmp_path):
    path = tmp_path / "MapDataset.fits"
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(FileFormatError, match=r"datasets\.yaml: dataset 'MapDataset': .*MapDataset\.fits"):
        Datasets.read(listed)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"type": "SpectrumCube"},
            r"dataset 'MapDataset': the type is 'SpectrumCube': expected one of \[.*'MapDataset'",
        ),
        ({"type": None}, r"dataset 'MapDataset' has no 'type'"),
        ({"filename": 3}, r"dataset 'MapDataset' has no 'filename'"),
        ({"type": "MapDatasetOnOff"}, r"'BACKGROUND', which a MapDatasetOnOff does not have"),
        ({"name": "SpectrumDataset"}, r"a dataset 'SpectrumDataset' is already there"),
    ],
)
def test_wrong_entries(entry, message, listed):
    rewrite(listed, lambda content: content["datasets"][2].update(entry))
    with pytest.raises(FileFormatError, match=rf"datasets\.yaml: .*{message}"):
        Datasets.read(listed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("components: []", "there is no list 'datasets'"),
        ("datasets: {a: 1}", "there is no list 'datasets'"),
        ("- 1", "there is no list 'datasets'"),
        ("", "there is no list 'datasets'"),
        ("datasets: [3]", "a dataset: 3 is no dataset"),
        ("datasets: [", "is not a YAML file"),
        ("datasets: []\nmetadata: {schema: 9}", "the datasets have the layout 9, this version reads 1"),
        ("datasets: []\nmetadata: {schema: x}", "the datasets have the layout 'x'"),
    ],
)
def test_files_that_list_no_datasets(text, message, tmp_path):
    (tmp_path / "datasets.yaml").write_text(text)
    with pytest.raises(FileFormatError, match=rf"datasets\.yaml.*{message}"):
        Datasets.read(tmp_path / "datasets.yaml")


def test_a_missing_list(tmp_path):
    with pytest.raises(FileFormatError, match=r"cannot read .*datasets\.yaml: No such file"):
        Datasets.read(tmp_path / "datasets.yaml")


def test_checksums_of_the_list(datasets, tmp_path):
    path = tmp_path / "datasets.yaml"
    datasets.write(path, checksum=True)
    text = path.read_text()
    path.write_text(text.replace("name: MapDataset\n", "name: MapDataset2\n"))
    assert "MapDataset2" in Datasets.read(path).names
    with pytest.raises(FileFormatError, match=r"datasets\.yaml: the checksum verification failed"):
        Datasets.read(path, checksum=True)
    path.write_text(text[: text.index("checksum")])
    with pytest.raises(FileFormatError, match=r"datasets\.yaml has no 'checksum' to verify"):
        Datasets.read(path, checksum=True)


def test_checksums_of_the_members(datasets, tmp_path):
    path = tmp_path / "datasets.yaml"
    datasets.write(path, checksum=True)
    datasets["MapDataset"].write(tmp_path / "MapDataset.fits", overwrite=True)
    with pytest.warns(GammafoldWarning, match="MapDataset.fits has no checksums"):
        Datasets.read(path, checksum=True)


def test_missing_models(listed):
    with pytest.raises(FileFormatError, match=r"none\.yaml"):
        Datasets.read(listed, listed.with_name("none.yaml"))
