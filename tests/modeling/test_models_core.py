"""What every model can do: declare parameters, take values, link, copy, and be written."""

from __future__ import annotations

import copy
import pickle

import astropy.units as u
import numpy as np
import pytest

from gammafold.modeling.covariance import Covariance
from gammafold.modeling.models.core import ModelBase, walk
from gammafold.modeling.models.prior import GaussianPrior
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError


class SlopeModel(ModelBase):
    """A line."""

    _type = "test"
    tag = ("SlopeModel", "slope")
    index = Parameter("index", 2)
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", min=0, interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)


class CurvedModel(SlopeModel):
    """A line with one parameter more, and another default."""

    beta = Parameter("beta", 0.1)
    index = Parameter("index", 3)


class TurnedModel(SlopeModel):
    """All parameters anew, in another order."""

    reference = Parameter("reference", "2 TeV", frozen=True)
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1")
    index = Parameter("index", 2)


class SumModel(ModelBase):
    """Two models in one."""

    _type = "test"

    def __init__(self, first, second):
        self.first, self.second = first, second
        super().__init__()

    @property
    def parameters(self):
        """Parameters of both."""
        return self.first.parameters + self.second.parameters


def test_parameters_belong_to_the_instance():
    first, second = SlopeModel(), SlopeModel(index=3)
    assert first.index is first.parameters["index"]
    assert first.index is not second.index
    assert (first.index.value, second.index.value, SlopeModel.index.value) == (2, 3, 2)
    assert first.parameters.names == ["index", "amplitude", "reference"]
    assert first.type == "test"


def test_inheritance_keeps_the_order():
    assert CurvedModel.default_parameters.names == ["index", "amplitude", "reference", "beta"]
    assert CurvedModel().index.value == 3
    assert TurnedModel.default_parameters.names == ["reference", "amplitude", "index"]
    assert CurvedModel.tag == "CurvedModel"


def test_values_of_all_kinds():
    shared = Parameter("index", 2.5)
    model = SlopeModel(index=shared, amplitude=4e-8 * u.Unit("cm-2 s-1 GeV-1"), reference="300 GeV")
    assert model.index is shared
    assert model.amplitude.unit == "cm-2 s-1 GeV-1"
    assert model.reference.quantity == 0.3 * u.TeV
    assert model.reference.frozen
    assert SlopeModel(index="2.7").index.value == 2.7
    assert SlopeModel(index=None).index.value == 2


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"slope": 1}, InputTypeError, r"SlopeModel has no parameter \['slope'\]: there are \['index', 'amplitude'"),
        ({"amplitude": 1e-12}, UnitsError, "is 1e-12 without a unit: expected a quantity like '1e-12 1 / "),
        ({"amplitude": "1e-12 cm-2 s-1"}, UnitsError, "parameter 'amplitude' cannot have the unit"),
        ({"index": 1 * u.TeV}, UnitsError, "parameter 'index' cannot have the unit 'TeV'"),
        ({"index": Parameter("index", "1 TeV")}, UnitsError, "'index' of SlopeModel cannot be one in 'TeV'"),
        ({"index": np.nan}, InputError, "parameter 'index' cannot be nan"),
    ],
)
def test_values_are_checked(arguments, error, match):
    with pytest.raises(error, match=match):
        SlopeModel(**arguments)


def test_a_parameter_goes_by_one_name():
    with pytest.raises(InputError, match="Odd.index is a parameter called 'gamma'"):

        class Odd(ModelBase):
            index = Parameter("gamma", 2)


def test_links_share_the_parameter():
    first, second = SlopeModel(), CurvedModel()
    second.index = first.index
    first.index.value = 2.2
    assert second.parameters["index"].value == 2.2
    with pytest.raises(InputTypeError, match="SlopeModel.index is a parameter and cannot be set to 3: set index.value"):
        first.index = 3
    with pytest.raises(UnitsError, match="parameter 'index' of SlopeModel cannot be one in 'TeV'"):
        first.index = first.reference


def test_walk_finds_all_parts_once():
    part = SlopeModel()
    total = SumModel(part, SumModel(part, CurvedModel()))
    assert [type(model).__name__ for model in walk(total)] == ["SumModel", "SlopeModel", "SumModel", "CurvedModel"]


def test_freeze_and_unfreeze():
    total = SumModel(SlopeModel(), CurvedModel())
    total.freeze()
    assert total.frozen
    total.unfreeze()
    assert [parameter.name for parameter in total.parameters if parameter.frozen] == ["reference", "reference"]


@pytest.mark.parametrize("how", [ModelBase.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies(how):
    model = SlopeModel(index=2.2)
    model.index.prior = GaussianPrior(mu=2, sigma=0.1)
    model.covariance = np.diag([0.01, 1e-26, 0])
    copied = how(model)
    assert copied.to_dict() == model.to_dict()
    copied.index.value = 7
    assert model.index.value == 2.2
    assert copied.index.error == 0.1


def test_copies_with_changes():
    model = SlopeModel()
    copied = model.copy(index=3, reference="2 TeV", amplitude=model.amplitude)
    assert (copied.index.value, copied.reference.value) == (3, 2)
    assert copied.amplitude is model.amplitude
    with pytest.raises(InputTypeError, match=r"SlopeModel has no parameter \['gamma'\]"):
        model.copy(gamma=3)


def test_covariance():
    model = SlopeModel()
    matrix = np.array([[0.04, 1e-14, 0], [1e-14, 1e-26, 0], [0, 0, 0]])
    model.covariance = matrix
    assert model.index.error == pytest.approx(0.2)
    np.testing.assert_allclose(model.covariance.data, matrix, rtol=1e-14)
    total = SumModel(model, SlopeModel())
    np.testing.assert_allclose(total.covariance.data[:3, :3], matrix, rtol=1e-14)
    total.covariance = Covariance(total.parameters, np.diag([1.0, 1, 0, 4, 4, 0]))
    assert model.index.error == 1


def test_dict_holds_what_differs():
    model = SlopeModel(index=2.2)
    model.amplitude.min = np.nan
    model.reference.frozen = False
    model.index.error = 0.1
    model.index.max = 5
    content = model.to_dict()["test"]
    assert content["type"] == "SlopeModel"
    assert content["class"].endswith("test_models_core:SlopeModel")
    index, amplitude, reference = content["parameters"]
    assert index == {"name": "index", "value": 2.2, "error": 0.1, "max": 5.0}
    assert amplitude.keys() == {"name", "value", "unit", "min"}
    assert amplitude["unit"] == "TeV-1 s-1 cm-2"
    assert reference == {"name": "reference", "value": 1.0, "unit": "TeV", "frozen": False}


@pytest.mark.parametrize("full_output", [False, True])
def test_round_trip(full_output):
    model = SlopeModel(index=2.2, amplitude=4e-8 * u.Unit("cm-2 s-1 GeV-1"))
    model.index.prior = GaussianPrior(mu=2, sigma=0.1)
    model.index.frozen = True
    again = SlopeModel.from_dict(model.to_dict(full_output))
    # As text, since NaN differs from itself.
    assert str(again.to_dict(full_output=True)) == str(model.to_dict(full_output=True))
    assert again.amplitude.unit == model.amplitude.unit


@pytest.mark.parametrize(
    ("parameter", "match"),
    [
        ({"name": "gamma", "value": 2}, "model SlopeModel has no parameter 'gamma': there are"),
        ({"name": "index"}, "parameter 'index' of model SlopeModel has no value"),
        ({"name": "reference", "value": 1, "unit": "s"}, "parameter 'reference' has the unit 's': expected one like"),
    ],
)
def test_dicts_that_are_no_model(parameter, match):
    with pytest.raises(FileFormatError, match=match):
        SlopeModel.from_dict({"type": "SlopeModel", "parameters": [parameter]})


def test_an_unknown_error_is_read_as_none():
    model = SlopeModel.from_dict({"parameters": [{"name": "index", "value": 2, "error": np.nan}]})
    assert model.index.error == 0


def test_text():
    model = SlopeModel(index=2.2)
    assert repr(model) == "SlopeModel(index=2.2, amplitude=1e-12 1 / (TeV s cm2), reference=1 TeV)"
    assert "index 2.2000e+00" in str(model)


def test_parameters_may_be_declared_in_another_order_than_the_formula_takes_them():
    class Swapped(SpectralModel):
        """Two numbers that would be mixed up in silence."""

        tag = "SwappedOrderModel"
        slope = Parameter("slope", 3.0)
        level = Parameter("level", 2.0, frozen=True)

        @staticmethod
        def evaluate(energy, level, slope):
            return level * 1e-12 * u.Unit("cm-2 s-1 TeV-1") * (energy / u.TeV) ** -slope

    model = Swapped()
    assert model.parameters.names == ["level", "slope"]
    assert u.isclose(model(2 * u.TeV), 2e-12 / 8 * u.Unit("cm-2 s-1 TeV-1"))
    assert u.isclose(model.integral(1 * u.TeV, 2 * u.TeV), 2e-12 * (1 - 1 / 4) / 2 * u.Unit("cm-2 s-1"))

    class Steeper(Swapped):
        """The formula is inherited, and one parameter is declared anew."""

        slope = Parameter("slope", 4.0)

    assert u.isclose(Steeper()(2 * u.TeV), 2e-12 / 16 * u.Unit("cm-2 s-1 TeV-1"))


def test_a_formula_that_does_not_name_all_parameters_takes_them_as_declared():
    class Unnamed(SpectralModel):
        """Other names than those of the parameters."""

        tag = "UnnamedOrderModel"
        level = Parameter("level", 2.0)
        slope = Parameter("slope", 3.0)

        @staticmethod
        def evaluate(energy, a, b):
            return a * 1e-12 * u.Unit("cm-2 s-1 TeV-1") * (energy / u.TeV) ** -b

    assert u.isclose(Unnamed()(2 * u.TeV), 2e-12 / 8 * u.Unit("cm-2 s-1 TeV-1"))
