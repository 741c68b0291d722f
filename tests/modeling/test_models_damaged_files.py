"""Files of models with something wrong in them: one error that says where, or a warning, and never a guess."""

import contextlib
import copy
import math

import astropy.units as u
import numpy as np
import pytest

from gammafold.modeling.models import (
    EnergyScaleModel,
    FoVBackgroundModel,
    GaussianPrior,
    GaussianTemporalModel,
    LogParabolaSpectralModel,
    Models,
    PiecewiseNormSpectralModel,
    PointSpatialModel,
    PowerLawNormSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
    TemplateSpectralModel,
)
from gammafold.utils.errors import FileFormatError, GammafoldError, GammafoldWarning

FLUX = u.Unit("cm-2 s-1 TeV-1")


@pytest.fixture
def models():
    """Models with a link, a prior, a correction and parts of every kind."""
    first, second = PowerLawSpectralModel(), LogParabolaSpectralModel()
    second.alpha = first.index
    first.index.prior = GaussianPrior(mu=2, sigma=0.1)
    table = TemplateSpectralModel([1, 10] * u.TeV, [1e-12, 1e-14] * FLUX)
    return Models(
        [
            SkyModel(first, name="a", temporal_model=GaussianTemporalModel(t_ref="55555 d", sigma="1 d")),
            SkyModel(second * PowerLawNormSpectralModel(), PointSpatialModel(), name="b", datasets_names=["x"]),
            SkyModel(table, name="t"),
            SkyModel(PiecewiseNormSpectralModel([1, 2] * u.TeV) * PowerLawSpectralModel(), name="p"),
            FoVBackgroundModel(dataset_name="x"),
            EnergyScaleModel("x", sigma=0.1),
        ]
    )


def places(content, path=()):
    """Every place in nested dicts and lists."""
    children = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in children:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def changed(content, path, value):
    """A copy with another value at a place; without it for ``...``."""
    new = copy.deepcopy(content)
    holder = new
    for key in path[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return new


@pytest.mark.filterwarnings("ignore:.*which are not read")
@pytest.mark.parametrize("value", [..., None, "x", [], {}, -1, 0, math.nan, True, [1], {"a": 1}, "1 m"], ids=repr)
def test_any_damage_gives_one_error_or_is_harmless(models, value):
    content = models.to_dict()
    for path in places(content):
        damaged = changed(content, path, value)
        with contextlib.suppress(GammafoldError):
            Models.from_dict(damaged)


PARAMETER = ("components", 0, "spectral", "parameters", 0)


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (("components", 1), "b", "component 1: .* 'b': expected a mapping with a type"),
        (("components", 0, "spectral"), ..., "model 'a': there is no spectral model"),
        (("components", 0, "datasets_names"), 3, "model 'a': datasets_names .* 3: expected strings or None"),
        (("components", 0, "apply_irf"), {"edisp": "no"}, "model 'a': apply_irf .*expected a dict of True and False"),
        (("components", 4, "datasets_names"), ["x", "y"], r"model 'x-bkg': .*\['x', 'y'\]: expected the name of one"),
        (("components", 0, "spectral", "parameters"), 5, "model 'a': the parameters of .* are 5: expected a list"),
        (PARAMETER, "index", "model 'a': a parameter of .* is 'index': expected a mapping with a name"),
        ((*PARAMETER, "name"), "amplitude", r"model 'a': .* has the parameters \['amplitude'\] more than once"),
        ((*PARAMETER, "value"), "much", "model 'a': the value of parameter 'index' is 'much': expected a number"),
        ((*PARAMETER, "value"), None, "the value of parameter 'index' is None: expected a number"),
        ((*PARAMETER, "min"), "low", "the min of parameter 'index' is 'low': expected a number"),
        ((*PARAMETER, "error"), -1, "the error of parameter 'index' is -1"),
        ((*PARAMETER, "unit"), "TeV", "parameter 'index' has the unit 'TeV': expected one like ''"),
        ((*PARAMETER, "unit"), 7, "parameter 'index' has the unit 7, which is not known"),
        ((*PARAMETER, "link"), [1], r"the link of parameter 'index' is \[1\]"),
        ((*PARAMETER, "prior"), "gauss", "a Prior entry is 'gauss': expected a mapping with a type"),
        ((*PARAMETER, "prior", "weight"), "half", "the weight of GaussianPrior is 'half': expected a number"),
        ((*PARAMETER, "prior", "parameters", 0, "value"), ..., "value of GaussianPrior.mu is None: expected a number"),
        (("components", 1, "spectral", "operator"), 3, "model 'b': operator is 3: expected one of .* or a function"),
        (("metadata", "schema"), "new", "the models have the layout new: this version reads up to 1"),
    ],
)  # fmt: skip
def test_the_error_says_where(models, path, value, match):
    with pytest.raises(FileFormatError, match=match):
        Models.from_dict(changed(models.to_dict(), path, value))


def test_the_error_names_the_file(models, tmp_path):
    path = tmp_path / "models.yaml"
    models.write(path)
    path.write_text(path.read_text().replace("type: PowerLawSpectralModel", "type: PowerLore", 1))
    with pytest.raises(FileFormatError, match=r"models.yaml: model 'a': unknown type 'PowerLore' of a spectral entry"):
        Models.read(path)


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ((*PARAMETER, "frozn"), r"parameter 'index' has the entries \['frozn'\], which are not read"),
        (("components", 0, "dataset_names"), r"model 'a' has the entries \['dataset_names'\], which are not read"),
        (("components", 0, "spectral", "parametrs"), r"PowerLawSpectralModel has the entries \['parametrs'\]"),
        (("components", 0, "temporal", "scales"), r"GaussianTemporalModel has the entries \['scales'\]"),
        (("components", 1, "spatial", "fram"), r"PointSpatialModel has the entries \['fram'\]"),
    ],
)
def test_a_misspelt_entry_is_told(models, path, match):
    with pytest.warns(GammafoldWarning, match=match):
        Models.from_dict(changed(models.to_dict(), path, True))


def test_linked_parameters_that_differ_are_refused(models):
    content = models.to_dict()
    assert content["components"][0]["spectral"]["parameters"][0]["link"] == "index@a"
    with pytest.raises(FileFormatError, match="linked as 'index@a' are index = 2.5 and alpha = 2: expected one value"):
        Models.from_dict(changed(content, (*PARAMETER, "value"), 2.5))
    content["components"][1]["spectral"]["model1"]["parameters"][2]["value"] = 2.5
    read = Models.from_dict(changed(content, (*PARAMETER, "value"), 2.5))
    assert read["b"].spectral_model.model1.alpha is read["a"].spectral_model.index


def test_linked_parameters_may_have_other_units(models):
    first, second = models["a"].spectral_model, models["b"].spectral_model.model1
    second.reference = first.reference
    content = models.to_dict()
    reference = content["components"][0]["spectral"]["parameters"][2]
    reference |= {"value": 1000.0, "unit": "GeV"}
    read = Models.from_dict(content)
    assert read["b"].spectral_model.model1.reference.quantity == 1 * u.TeV


@pytest.mark.parametrize("name", ["b", "b c | d", "|", "Crab: 1|2"])
def test_the_covariance_of_any_name_is_read_back(models, tmp_path, name):
    models = Models([models["a"], models["b"].copy(name=name)])
    free = models.parameters.unique_parameters.free_parameters
    models.set_covariance(free, np.diag(np.arange(1.0, len(free) + 1)) + 0.1)
    models.write(tmp_path / "models.yaml")
    read = Models.read(tmp_path / "models.yaml")
    np.testing.assert_allclose(read.covariance.data, models.covariance.data, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "must be square"),
        (b"\xff\xfe\x00", "the covariance cannot be read"),
        (b"| Parameters | 0 |\n| a.spectral.index | much |\n", "with an entry that is no number"),
        (b"| Parameters | 0 |\n| a.spectral.index | 1.0 |\n", "which are no parameters of the models"),
    ],
)
def test_a_damaged_covariance(models, tmp_path, text, match):
    models.write(tmp_path / "models.yaml")
    (tmp_path / "models_covariance.dat").write_bytes(text)
    with pytest.raises(FileFormatError, match=f"models_covariance.dat: .*{match}"):
        Models.read(tmp_path / "models.yaml")


@pytest.mark.parametrize("text", ["a: [1", 3, "", "components: 3"])
def test_texts_that_are_no_models(text):
    with pytest.raises(FileFormatError, match="these are no models"):
        Models.from_yaml(text)
