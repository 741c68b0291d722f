"""Parameters: values, units, limits, flags, and lists of them."""

from __future__ import annotations

import copy
import pickle

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.modeling.models.prior import GaussianPrior, UniformPrior
from gammafold.modeling.parameter import Parameter, Parameters, PriorParameter
from gammafold.utils.errors import InputError, InputTypeError, UnitsError, UnknownNameError


def test_a_string_or_quantity_brings_its_unit():
    for value in ("3 TeV", 3 * u.TeV):
        parameter = Parameter("cutoff", value)
        assert parameter.value == 3.0
        assert parameter.unit == u.TeV
        assert parameter.quantity == 3 * u.TeV


def test_a_new_unit_converts_error_and_limits():
    parameter = Parameter("cutoff", 3, unit="TeV", min=1, max="10 TeV", error=0.5)
    parameter.quantity = 4000 * u.GeV
    assert parameter.value == 4000.0
    assert (parameter.min, parameter.max, parameter.error) == pytest.approx((1000, 10000, 500), rel=1e-15)


def test_setting_the_unit_names_it_and_converts_nothing():
    parameter = Parameter("cutoff", 3, unit="TeV")
    parameter.unit = "GeV"
    assert parameter.quantity == 3 * u.GeV


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_are_finite(value):
    parameter = Parameter("index", 2)
    with pytest.raises(InputError, match=r"parameter 'index' cannot be .*(nan|inf)"):
        parameter.value = value
    with pytest.raises(InputError, match="expected a finite number"):
        Parameter("index", value)
    assert parameter.value == 2.0


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda p: setattr(p, "quantity", "1 s"), UnitsError, "cannot have the unit 's': expected one like 'TeV'"),
        (lambda p: setattr(p, "quantity", 1.0), UnitsError, "cannot have the unit 'none'"),
        (lambda p: setattr(p, "quantity", [1, 2] * u.TeV), InputTypeError, "has 2 values: expected one"),
        (lambda p: setattr(p, "quantity", "fast"), UnitsError, "is 'fast': expected a quantity"),
        (lambda p: setattr(p, "unit", "s"), UnitsError, "has the unit 'TeV': cannot make it s"),
        (lambda p: setattr(p, "unit", "furlongs"), UnitsError, "'furlongs', which is not known"),
        (lambda p: setattr(p, "value", "3"), InputTypeError, "the value is a plain number; set quantity"),
        (lambda p: setattr(p, "value", 3 * u.TeV), InputTypeError, "the value is a plain number; set quantity"),
        (lambda p: setattr(p, "value", [1, 2]), InputTypeError, r"is \[1, 2\]: expected a number"),
        (lambda p: setattr(p, "min", "3 s"), UnitsError, "the minimum of parameter 'cutoff' is '3 s'"),
        (lambda p: setattr(p, "max", []), InputTypeError, "the maximum of parameter 'cutoff'"),
        (lambda p: setattr(p, "frozen", "False"), InputTypeError, "is 'False': expected True or False"),
        (lambda p: setattr(p, "error", -1), InputError, "is -1: expected 0 or more"),
        (lambda p: setattr(p, "error", np.nan), InputError, "is nan: expected 0 or more"),
        (lambda p: setattr(p, "prior", 3), InputTypeError, "expected a Prior or None"),
        (
            lambda p: setattr(p, "prior", GaussianPrior(sigma="1 s")),
            UnitsError,
            "'cutoff': GaussianPrior.sigma is in s",
        ),
        (lambda p: setattr(p, "prior", GaussianPrior), InputTypeError, "expected a Prior or None"),
        (lambda p: setattr(p, "scale", 0), InputError, "the scale of parameter 'cutoff' is 0.0"),
        (lambda p: setattr(p, "interp", "cubic"), InputError, "interp of parameter 'cutoff' is 'cubic'"),
        (lambda p: setattr(p, "scan_min", "1 s"), UnitsError, "an end of the scan of parameter 'cutoff'"),
        (lambda p: setattr(p, "scan_max", np.inf), InputError, "an end of the scan .* is inf: expected a finite"),
        (lambda p: setattr(p, "scan_n_values", 2.5), InputError, "scan_n_values .* is 2.5: expected a whole number"),
        (lambda p: setattr(p, "scan_n_sigma", 0), InputError, "scan_n_sigma .* is 0.0: expected more than 0"),
        (lambda p: setattr(p, "scan_values", [1, np.nan]), InputError, "expected a list of finite numbers"),
        (lambda p: setattr(p, "scan_values", "all"), InputTypeError, "values to scan .* are 'all': expected numbers"),
        (lambda p: setattr(p, "scan_values", [1] * u.s), UnitsError, "values to scan .* are in s"),
        (lambda p: setattr(p, "frozn", True), InputTypeError, "parameter 'cutoff' has no attribute 'frozn'"),
    ],
)
def test_what_is_not_accepted(change, error, match):
    parameter = Parameter("cutoff", "1 TeV", min=0.5, error=0.1)
    with pytest.raises(error, match=match):
        change(parameter)
    assert parameter.to_dict() == Parameter("cutoff", "1 TeV", min=0.5, error=0.1).to_dict() | {"max": parameter.max}


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"name": 3, "value": 1}, InputTypeError, "is 3: expected a string"),
        ({"name": "a", "value": "1 TeV", "unit": "s"}, UnitsError, "is '1 TeV': expected a unit like s"),
        ({"name": "a", "value": 1, "min": 3, "max": 2}, InputError, "minimum 3 above its maximum 2"),
        ({"name": "a", "value": 1, "interp": "cubic"}, InputError, "interp of parameter 'a' is 'cubic'"),
        ({"name": "a", "value": 1, "scale_method": "big"}, InputError, "scale_method of parameter 'a' is 'big'"),
    ],
)
def test_arguments_are_checked(arguments, error, match):
    with pytest.raises(error, match=match):
        Parameter(**arguments)


def test_a_name_cannot_be_changed():
    with pytest.raises(AttributeError):
        Parameter("a", 1).name = "b"


def test_the_stamp_changes_with_everything_but_values():
    parameter = Parameter("a", 1, min=0)
    stamp = parameter._stamp
    parameter.value = 3
    parameter.error = 1
    parameter.min = 0
    parameter.max = np.nan
    parameter.frozen = False
    parameter.prior = None
    parameter.autoscale()
    assert parameter._stamp is stamp
    changes = [("min", -1), ("max", 9), ("min", np.nan), ("frozen", True), ("prior", UniformPrior()), ("prior", None)]
    for name, value in changes:
        setattr(parameter, name, value)
        assert parameter._stamp is not stamp, name
        stamp = parameter._stamp


@pytest.mark.parametrize(("value", "scale"), [(3.2e-12, 1e-12), (250, 100), (-0.02, -0.01), (0, 1)])
def test_autoscale_takes_the_power_of_ten(value, scale):
    parameter = Parameter("a", value)
    parameter.autoscale()
    assert parameter.scale == pytest.approx(scale, rel=1e-14)
    assert parameter.factor * parameter.scale == pytest.approx(value, rel=1e-15)
    assert parameter.value == value


def test_factors():
    parameter = Parameter("a", 30, min=0, max=50, scale_method="factor1")
    parameter.autoscale()
    assert (parameter.factor, parameter.factor_min) == (1, 0)
    parameter.factor = 1.5
    assert parameter.value == 45
    assert parameter.factor_max == pytest.approx(5 / 3)


def test_scan_values():
    assert Parameter("a", 1).scan_values is None
    np.testing.assert_allclose(Parameter("a", 1, error=0.5, scan_n_values=3).scan_values, [0, 1, 2])
    np.testing.assert_allclose(Parameter("a", 1, error=0.5, min=0.5, scan_n_values=4).scan_values, [0.5, 1, 1.5, 2])
    scanned = Parameter("a", 1, scan_min=0.01, scan_max=100, scan_n_values=5, interp="log")
    np.testing.assert_allclose(scanned.scan_values, [0.01, 0.1, 1, 10, 100])
    root = Parameter("a", 1, scan_min=0, scan_max=4, scan_n_values=3, interp="sqrt")
    np.testing.assert_allclose(root.scan_values, [0, 1, 4])
    cutoff = Parameter("cutoff", "1 TeV")
    cutoff.scan_values = [500, 800] * u.GeV
    np.testing.assert_allclose(cutoff.scan_values, [0.5, 0.8])


@pytest.mark.parametrize("how", [Parameter.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_are_independent(how):
    parameter = Parameter("a", "2 TeV", min=1, error=0.1, prior=GaussianPrior(mu=1, sigma=2))
    copied = how(parameter)
    assert copied.to_dict() == parameter.to_dict() | {"max": copied.max}
    copied.value = 5
    copied.prior.mu.value = 7
    assert parameter.value == 2
    assert parameter.prior.mu.value == 1


def test_check_limits():
    Parameter("a", 1, min=1, max=1).check_limits()
    with pytest.raises(InputError, match=r"parameter 'a' is 3 TeV, outside its limits \[nan, 2\]"):
        Parameters([Parameter("a", "3 TeV", max=2)]).check_limits()


def test_lists_of_parameters():
    a, b = Parameter("a", 1), Parameter("b", 2, frozen=True)
    parameters = Parameters([a, b]) + Parameters([a])
    assert parameters.names == ["a", "b", "a"]
    assert parameters.unique_parameters.names == ["a", "b"]
    assert parameters.free_parameters.names == ["a", "a"]
    assert parameters.free_unique_parameters.names == ["a"]
    assert parameters["a"] is a
    assert parameters[b] is b
    assert parameters[-1] is a
    assert parameters[1:].names == ["b", "a"]
    assert a in parameters
    assert "b" in parameters
    assert "c" not in parameters
    np.testing.assert_equal(parameters.value, [1, 2, 1])
    assert parameters.select(name="a").names == ["a", "a"]
    assert parameters.select(name=["a", "b"], frozen=True).names == ["b"]
    copied = parameters.copy()
    assert copied[0] is copied[2]
    assert copied[0] is not a


def test_lists_say_what_is_not_there():
    parameters = Parameters([Parameter("a", 1), Parameter("b", 2), Parameter("b", 3)])
    with pytest.raises(UnknownNameError, match=r"no parameter 'c': there are \['a', 'b', 'b'\]"):
        parameters["c"]
    with pytest.raises(UnknownNameError, match="2 parameters are called 'b'"):
        parameters["b"]
    with pytest.raises(IndexError):
        parameters[3]


def test_the_range_of_a_scan_follows_the_unit():
    parameter = Parameter("cutoff", "1 TeV", scan_min="500 GeV", scan_max=2, scan_n_values=4)
    assert_allclose(parameter.scan_values, [0.5, 1, 1.5, 2])
    parameter.quantity = "1000 GeV"
    assert_allclose(parameter.scan_values, [500, 1000, 1500, 2000])
    parameter.scan_values = [1, 2] * u.TeV
    parameter.quantity = "1 TeV"
    assert_allclose(parameter.scan_values, [1, 2])


def test_a_prior_keeps_its_meaning_in_another_unit():
    parameter = Parameter("cutoff", "1.2 TeV", prior=GaussianPrior(mu=1, sigma=0.1))
    density = parameter.prior(parameter)
    with pytest.raises(UnitsError, match="in 'GeV': its prior .* is in plain numbers, which are in 'TeV'"):
        parameter.quantity = "1200 GeV"
    assert parameter.prior(parameter) == density
    parameter.prior = GaussianPrior(mu="1 TeV", sigma="100 GeV")
    parameter.quantity = "1200 GeV"
    # A density per GeV is a thousandth of one per TeV.
    assert_allclose(parameter.prior(parameter), density + 2 * np.log(1000))


def test_freezing_and_setting_all():
    parameters = Parameters([Parameter("a", 1), Parameter("b", 2, frozen=True)])
    parameters.freeze_all()
    assert len(parameters.free_parameters) == 0
    parameters.unfreeze_all()
    assert len(parameters.free_parameters) == 2
    parameters.value = [5, 6]
    assert parameters["b"].value == 6
    with pytest.raises(InputError, match=r"there are 1 values for 2 parameters, \['a', 'b'\]"):
        parameters.value = [1]
    assert list(parameters.value) == [5, 6]


def test_status_is_restored():
    parameters = Parameters([Parameter("a", 1, error=0.5), Parameter("b", 2, frozen=True)])
    with parameters.restore_status():
        parameters.unfreeze_all()
        parameters["a"].value, parameters["a"].error = 7, 0.1
    assert [(p.value, p.error, p.frozen) for p in parameters] == [(1, 0.5, False), (2, 0, True)]
    with parameters.restore_status(restore_values=False):
        parameters.freeze_all()
        parameters["a"].value = 7
    assert (parameters["a"].value, parameters["a"].frozen) == (7, False)


def test_priors_of_linked_parameters_count_once():
    a = Parameter("a", 1.5, prior=UniformPrior(min=0, max=2))
    assert Parameters([a, Parameter("b", 2), a]).prior_stat_sum() == pytest.approx(2 * np.log(2))


def test_table():
    a = Parameter("a", "1 TeV", error=0.5, min=0, prior=UniformPrior())
    table = Parameters([a, Parameter("b", 2, frozen=True), a]).to_table()
    assert table.colnames == ["name", "value", "unit", "error", "min", "max", "frozen", "link", "prior"]
    assert list(table["unit"]) == ["TeV", "", "TeV"]
    assert list(table["link"]) == ["a@model", "", "a@model"]
    assert list(table["prior"]) == ["UniformPrior", "", "UniformPrior"]
    np.testing.assert_equal(table["error"], [0.5, 0, 0.5])


def test_prior_parameters():
    parameter = PriorParameter("mu", "3 TeV")
    assert parameter.quantity == 3 * u.TeV
    with pytest.raises(InputError, match="prior parameter 'mu' is NaN"):
        parameter.value = np.nan
    with pytest.raises(InputTypeError, match="prior parameter 'mu' is 'x'"):
        parameter.value = "x"
