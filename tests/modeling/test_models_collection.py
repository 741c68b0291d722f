"""Collections of models, their covariance and their files."""

from __future__ import annotations

import sys
import textwrap

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from gammafold.modeling.covariance import Covariance
from gammafold.modeling.models import (
    ExpDecayTemporalModel,
    FoVBackgroundModel,
    GaussianPrior,
    LightCurveTemplateTemporalModel,
    Models,
    PointSpatialModel,
    PowerLawSpectralModel,
    SkyModel,
)
from gammafold.modeling.models.collection import DatasetModels
from gammafold.modeling.models.registry import MODEL_REGISTRY, SPECTRAL_MODEL_REGISTRY
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError, UnknownNameError


@pytest.fixture
def models() -> Models:
    """Two sources that share an index, and a background."""
    first = SkyModel(PowerLawSpectralModel(index=2.2), PointSpatialModel(), name="first", datasets_names=["x"])
    second = SkyModel(PowerLawSpectralModel(), name="second")
    second.spectral_model.index = first.spectral_model.index
    first.spectral_model.index.prior = GaussianPrior(mu=2, sigma=0.1)
    return Models([first, second, FoVBackgroundModel(dataset_name="x")])


def fitted(models: Models) -> np.ndarray:
    """Give models a covariance, as a fit does; return that of the free parameters."""
    free = models.parameters.unique_parameters.free_parameters
    n = len(free)
    spread = np.arange(1.0, n + 1) * np.where(free.value != 0, 0.1 * np.abs(free.value), 1)
    root = np.tril(0.3 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))) * spread[:, None]
    models.set_covariance(free, root @ root.T)
    return root @ root.T


def test_a_list_by_index_and_name(models):
    assert models.names == ["first", "second", "x-bkg"]
    assert models["second"] is models[1]
    assert models[-1].name == "x-bkg"
    assert models[:2].names == ["first", "second"]
    assert models[["x-bkg", 0]].names == ["x-bkg", "first"]
    assert models[np.array([True, False, True])].names == ["first", "x-bkg"]
    assert "first" in models
    assert models[0] in models
    assert "third" not in models
    assert models.index(models[1]) == models.index("second") == 1
    assert models.background_models == {"x": "x-bkg"}
    with pytest.raises(UnknownNameError, match=r"no model 'third': there are \['first', 'second', 'x-bkg'\]"):
        models["third"]
    with pytest.raises(IndexError):
        models[3]


def test_changes_keep_names_unique(models):
    third = SkyModel(PowerLawSpectralModel(), name="third")
    models.append(third)
    models.insert(0, SkyModel(PowerLawSpectralModel(), name="zero"))
    models[1] = SkyModel(PowerLawSpectralModel(), name="first")
    assert models.names == ["zero", "first", "second", "x-bkg", "third"]
    models.remove(third)
    models.remove("zero")
    assert models.pop("x-bkg").name == "x-bkg"
    del models["first"]
    assert models.names == ["second"]
    with pytest.raises(InputError, match="a model 'second' is already there"):
        models.append(SkyModel(PowerLawSpectralModel(), name="second"))
    with pytest.raises(InputError, match=r"several models are called \['second'\]"):
        Models([models[0], models[0].copy(name="second")])


def test_what_is_a_collection(models):
    assert Models().names == []
    assert Models(models[0]).names == ["first"]
    assert DatasetModels(models).names == models.names
    assert (Models(models[0]) + models[1]).names == ["first", "second"]
    extended = Models(models[0])
    extended += [models[1]]
    assert extended.names == ["first", "second"]
    assert not hasattr(DatasetModels(models), "append")
    with pytest.raises(InputTypeError, match="is no model of a source or a background: put it into a SkyModel"):
        Models(PowerLawSpectralModel())
    with pytest.raises(InputTypeError, match="'crab' is no model of a source"):
        Models("crab")
    with pytest.raises(InputTypeError, match="3 is no model of a source"):
        models.append(3)


def test_parameters_of_all(models):
    assert len(models.parameters) == 5 + 3 + 3
    assert len(models.parameters.unique_parameters) == 10
    assert models.parameters_unique_names[:4] == [
        "first.spectral.index",
        "first.spectral.amplitude",
        "first.spectral.reference",
        "first.spatial.lon_0",
    ]
    table = models.to_parameters_table()
    assert list(table["model"][:6]) == ["first"] * 5 + ["second"]
    assert list(table["link"][[0, 1, 5]]) == ["index@first", "", "index@first"]
    table["value"][table["name"] == "lon_0"] = 12
    table["frozen"][table["name"] == "lat_0"] = True
    models.update_parameters_from_table(table)
    assert models["first"].spatial_model.lon_0.value == 12
    assert models["first"].spatial_model.lat_0.frozen


def test_a_table_through_a_text_file(models, tmp_path):
    expected = models.to_dict()
    models.to_parameters_table().write(tmp_path / "parameters.csv")
    models.parameters.unfreeze_all()
    models.parameters[0].value = 7
    models.update_parameters_from_table(Table.read(tmp_path / "parameters.csv"))
    assert models.to_dict() == expected


def test_a_table_in_other_units(models):
    table = models.to_parameters_table()
    row = list(table["name"]).index("reference")
    units = list(table["unit"])
    units[row] = "GeV"
    table["unit"] = units
    table["value"][row] = 2000
    models.update_parameters_from_table(table)
    assert models["first"].spectral_model.reference.quantity == 2 * u.TeV


def test_a_table_of_a_model_with_a_name_twice():
    models = Models(SkyModel(PowerLawSpectralModel() + PowerLawSpectralModel(index=3), name="sum"))
    table = models.to_parameters_table()
    table["value"][0], table["value"][3] = 2.5, 3.5
    models.update_parameters_from_table(table)
    assert [p.value for p in models.parameters.select("index")] == [2.5, 3.5]
    with pytest.raises(InputError, match="the table has 1 rows for 'index' of model 'sum', which has 2"):
        models.update_parameters_from_table(table[:1])


@pytest.mark.parametrize(
    ("column", "value", "error", "match"),
    [
        ("frozen", "perhaps", InputTypeError, "frozen of parameter 'index' of model 'first' is .*perhaps"),
        ("value", "much", InputTypeError, "value of parameter 'index' of model 'first' is .*much.*: expected a number"),
        ("unit", "TeV", UnitsError, "parameter 'index' of model 'first' is in 'TeV': expected a unit like ''"),
        ("name", "indx", UnknownNameError, "model 'first' has no parameter 'indx': there are"),
        ("model", "frist", UnknownNameError, "no model 'frist': there are"),
    ],
)
def test_tables_that_do_not_fit(models, column, value, error, match):
    table = models.to_parameters_table()
    entries = [str(entry) for entry in table[column]]
    table[column] = [value, *entries[1:]]
    with pytest.raises(error, match=match):
        models.update_parameters_from_table(table)
    with pytest.raises(InputError, match="expected a table with model and name"):
        models.update_parameters_from_table(table["value", "name"])


def test_select_parameters_by_kind(models):
    spatial = models.parameters.select(type="spatial")
    assert spatial.names == ["lon_0", "lat_0"]
    assert spatial[0].type == "spatial"
    both = models.parameters.select(type=["spectral", "spatial"], frozen=False)
    assert both.names == models.parameters.free_parameters.names
    read = Models.from_dict(models.to_dict())
    assert read.parameters.select(type="spatial").names == ["lon_0", "lat_0"]
    with pytest.raises(InputError, match=r"type is \['spatil'\]: expected some of \('spectral', 'spatial', 'temporal'"):
        models.parameters.select(type="spatil")


def test_a_misspelt_link_is_told(models):
    spectrum = models["second"].spectral_model
    with pytest.raises(InputTypeError, match="PowerLawSpectralModel has no parameter 'alpah': there are"):
        spectrum.alpah = models["first"].spectral_model.index


def test_select(models):
    assert models.select(name_substring="s").names == ["first", "second"]
    assert models.select(datasets_names="y").names == ["second"]
    assert models.select(datasets_names=["x", "y"]).names == ["first", "second", "x-bkg"]
    assert models.select(tag="fov-bkg").names == ["x-bkg"]
    assert models.select(tag=["pl", "lp"], model_type="spectral").names == ["first", "second"]
    assert models.select(tag="point", model_type="spatial").names == ["first"]
    models[0].freeze()
    assert models.select(frozen=True).names == ["first"]


def test_freeze(models):
    models.freeze("spectral")
    assert models.parameters.free_parameters.names == ["lon_0", "lat_0"]
    models.freeze()
    assert models.frozen
    models.unfreeze()
    assert len(models.parameters.free_parameters) == 7


def test_reassign(models):
    moved = models.reassign("x", "y")
    assert [model.datasets_names for model in moved] == [["y"], None, ["y"]]
    assert moved["second"] is models["second"]
    assert models["first"].datasets_names == ["x"]


def test_copies_keep_links(models):
    matrix = fitted(models)
    copied = models.copy()
    assert copied["first"].spectral_model.index is copied["second"].spectral_model.index
    assert copied["first"].spectral_model.index is not models["first"].spectral_model.index
    free = copied.parameters.unique_parameters.free_parameters
    np.testing.assert_allclose(Covariance(free).data, matrix, rtol=1e-13)


def test_the_covariance_of_a_fit_reaches_every_list(models):
    matrix = fitted(models)
    free = models.parameters.unique_parameters.free_parameters
    np.testing.assert_allclose([parameter.error for parameter in free], np.sqrt(np.diagonal(matrix)), rtol=1e-14)
    # Index (0) and amplitude (4) of the second model, whatever collection it is looked up in.
    for covariance in (models["second"].spectral_model.covariance, Models(models["second"]).covariance):
        expected = np.zeros((3, 3))
        expected[:2, :2] = matrix[np.ix_([0, 4], [0, 4])]
        np.testing.assert_allclose(covariance.data, expected, rtol=1e-13)
    full = models.covariance.data
    assert full[0, 5] == pytest.approx(full[0, 0])
    models["first"].spectral_model.amplitude.frozen = True
    models.set_covariance(models.parameters.unique_parameters.free_parameters, None)
    assert all(parameter.error == 0 for parameter in models.parameters)
    assert not models.covariance.data.any()


def test_a_frozen_parameter_loses_the_error_of_an_earlier_fit(models):
    fitted(models)
    models["second"].spectral_model.amplitude.frozen = True
    fitted(models)
    assert models["second"].spectral_model.amplitude.error == 0


def test_covariance_from_outside(models):
    n = len(models.parameters)
    assert Models(list(models), covariance_data=np.diag([4.0] * n)).parameters[1].error == 2
    with pytest.raises(InputError, match=r"shape \(2, 2\) for 11 parameters"):
        models.covariance = np.eye(2)


@pytest.mark.parametrize("full_output", [False, True])
def test_files(models, tmp_path, full_output):
    matrix = fitted(models)
    path = tmp_path / "models.yaml"
    models.write(path, full_output=full_output)
    again = Models.read(path)
    assert (tmp_path / "models_covariance.dat").exists()
    assert str(again.to_dict(True)) == str(models.to_dict(True))
    assert again["first"].spectral_model.index is again["second"].spectral_model.index
    assert all(parameter.link is None for parameter in again.parameters)
    free = again.parameters.unique_parameters.free_parameters
    np.testing.assert_allclose(Covariance(free).data, matrix, rtol=1e-13)
    assert again["first"].spectral_model.index.prior.mu.value == 2
    with pytest.raises(InputError, match="file exists"):
        models.write(path)
    models.write(path, overwrite=True, write_covariance=False)
    assert "covariance" not in path.read_text()


def test_the_same_models_give_the_same_text(models):
    text = models.to_yaml()
    assert text == models.copy().to_yaml()
    again = Models.from_yaml(text)
    assert again.to_yaml() == text
    assert "link: index@first" in text


def test_labels_of_many_links():
    models = Models([SkyModel(PowerLawSpectralModel(), name=name) for name in "abcd"])
    models["b"].spectral_model.index = models["a"].spectral_model.index
    models["d"].spectral_model.index = models["c"].spectral_model.index
    again = Models.from_yaml(models.to_yaml())
    assert len(again.parameters.unique_parameters) == 10
    assert again["b"].spectral_model.index is not again["c"].spectral_model.index


def test_templates_are_written_beside(tmp_path):
    curve = LightCurveTemplateTemporalModel([0, 1] * u.h, [1, 2], filename=str(tmp_path / "curve.fits"))
    models = Models([SkyModel(PowerLawSpectralModel(), temporal_model=curve, name="a")])
    models.write(tmp_path / "models.yaml")
    again = Models.read(tmp_path / "models.yaml")
    np.testing.assert_allclose(again["a"].temporal_model.values, [1, 2])
    text = (tmp_path / "models.yaml").read_text().replace(str(tmp_path) + "/", "")
    (tmp_path / "models.yaml").write_text(text)
    assert Models.read(tmp_path / "models.yaml")["a"].temporal_model.filename == str(tmp_path / "curve.fits")


def test_a_class_of_a_user_is_found_by_its_path(tmp_path, monkeypatch):
    source = """
        from gammafold.modeling.models import SpectralModel
        from gammafold.modeling.parameter import Parameter

        class StepSpectralModel(SpectralModel):
            tag = "StepSpectralModel"
            height = Parameter("height", "1e-12 cm-2 s-1 TeV-1")

            @staticmethod
            def evaluate(energy, height):
                return height + 0 * energy.value
    """
    (tmp_path / "steps_of_a_user.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(str(tmp_path))
    from steps_of_a_user import StepSpectralModel

    text = Models([SkyModel(StepSpectralModel(height="3e-12 cm-2 s-1 TeV-1"), name="a")]).to_yaml()
    assert "class: steps_of_a_user:StepSpectralModel" in text
    assert type(Models.from_yaml(text)["a"].spectral_model) is StepSpectralModel
    monkeypatch.delitem(sys.modules, "steps_of_a_user")
    with pytest.raises(FileFormatError, match="the class 'no_such_module:StepSpectralModel' cannot be imported"):
        Models.from_yaml(text.replace("steps_of_a_user", "no_such_module"))
    with pytest.raises(FileFormatError, match="'textwrap:dedent' is no ModelBase"):
        Models.from_yaml(text.replace("steps_of_a_user:StepSpectralModel", "textwrap:dedent"))


def test_a_class_of_a_script_is_found_while_it_runs():
    class HereSpectralModel(PowerLawSpectralModel):
        index = Parameter("index", 4)

    text = Models([SkyModel(HereSpectralModel(), name="a")]).to_yaml()
    again = Models.from_yaml(text)["a"].spectral_model
    assert type(again) is HereSpectralModel
    assert again.index.value == 4


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("3", "these are no models"),
        ("components: 3", "these are no models"),
        ("components: [{name: a}]", "unknown type None of a NamedModel entry"),
        ("components: [{name: a, type: Star}]", "unknown type 'Star' of a NamedModel entry: expected one of"),
        ("{components: [], metadata: {schema: 99}}", "layout 99: this version reads up to 1"),
    ],
)
def test_texts_that_are_no_models(text, match):
    with pytest.raises(FileFormatError, match=match):
        Models.from_yaml(text)


def test_files_that_are_no_models(models, tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text("a: 3")
    with pytest.raises(FileFormatError, match=r"models.yaml: no models in this file"):
        Models.read(path)
    models.write(path, overwrite=True)
    matrix = tmp_path / "models_covariance.dat"
    good = matrix.read_text()
    for text, match in [
        (good.replace("first.spectral.index", "third.spectral.index"), r"covariance of \['third.spectral.index'\]"),
        (good.replace(" 0.0 ", " x ", 1), "an entry that is no number"),
        (good.rsplit("|\n", 2)[0] + "|\n", "it must be square"),
    ]:
        matrix.write_text(text)
        with pytest.raises(FileFormatError, match=match):
            Models.read(path)
    matrix.unlink()
    with pytest.raises(FileFormatError, match="the covariance cannot be read"):
        Models.read(path)


def test_registries():
    assert PowerLawSpectralModel in SPECTRAL_MODEL_REGISTRY
    assert MODEL_REGISTRY.get_cls("SkyModel") is SkyModel
    assert len(MODEL_REGISTRY) >= 2
    SPECTRAL_MODEL_REGISTRY.append(PowerLawSpectralModel)
    assert list(SPECTRAL_MODEL_REGISTRY).count(PowerLawSpectralModel) == 1
    with pytest.raises(UnknownNameError, match="no models of the kind 'musical'"):
        type(MODEL_REGISTRY)("musical").get_cls("a")


def test_text(models):
    assert repr(models).startswith("<Models of 3: first: SkyModel")
    assert "1: SkyModel" in str(models)
    assert ExpDecayTemporalModel().type == "temporal"


# Two sources with a common index, as the field's package (2.1) writes them.
FIELD_MODELS = """\
components:
-   name: a
    type: SkyModel
    datasets_names:
    - x
    spectral:
        type: PowerLawSpectralModel
        parameters:
        -   name: index
            value: 2.3
            error: 0.23
            max: 4.0
            link: index@6PtkVfFK
            prior:
                type: GaussianPrior
                parameters:
                -   name: mu
                    value: 2.0
                    unit: ''
                -   name: sigma
                    value: 0.1
                    unit: ''
                weight: 1
        -   name: amplitude
            value: 1.0e-12
            unit: TeV-1 s-1 cm-2
            error: 2.0e-13
        -   name: reference
            value: 1.0
            unit: TeV
-   name: b
    type: SkyModel
    spectral:
        type: PowerLawSpectralModel
        parameters:
        -   name: index
            value: 2.3
            unit: ''
            error: 0.23
            min: .nan
            max: 4.0
            frozen: false
            interp: lin
            scale_method: scale10
            scale_transform: lin
            link: index@6PtkVfFK
        -   name: amplitude
            value: 3.0e-09
            unit: GeV-1 s-1 cm-2
        -   name: reference
            value: 1.0
            unit: TeV
            frozen: true
covariance: field_covariance.dat
metadata:
    creator: Gammapy 2.1
    date: '2026-11-24T15:31:52.127837'
    origin: null
"""
FIELD_COVARIANCE = """\
|           Parameters |       0 |       1 |   2 |       3 |   4 |   5 |
|     a.spectral.index |  0.0529 | 2.3e-14 | 0.0 |     0.0 | 0.0 | 0.0 |
| a.spectral.amplitude | 2.3e-14 |   4e-26 | 0.0 |     0.0 | 0.0 | 0.0 |
| a.spectral.reference |     0.0 |     0.0 | 0.0 |     0.0 | 0.0 | 0.0 |
|     b.spectral.index |     0.0 |     0.0 | 0.0 |  0.0529 | 0.0 | 0.0 |
| b.spectral.amplitude |     0.0 |     0.0 | 0.0 |     0.0 | 0.0 | 0.0 |
| b.spectral.reference |     0.0 |     0.0 | 0.0 |     0.0 | 0.0 | 0.0 |
"""


def test_files_of_the_field_are_read(tmp_path):
    (tmp_path / "field.yaml").write_text(FIELD_MODELS)
    (tmp_path / "field_covariance.dat").write_text(FIELD_COVARIANCE)
    models = Models.read(tmp_path / "field.yaml")
    index = models["a"].spectral_model.index
    assert models["b"].spectral_model.index is index
    assert (index.value, index.error, index.max) == pytest.approx((2.3, 0.23, 4))
    assert index.prior.sigma.value == 0.1
    assert models["b"].spectral_model.amplitude.quantity == 3e-9 * u.Unit("GeV-1 s-1 cm-2")
    assert models["a"].spectral_model.reference.frozen
    assert models["a"].covariance.correlation[0, 1] == pytest.approx(0.5)
