"""What a spectral model does not accept: one error that names it, and says what would be accepted."""

import astropy.units as u
import numpy as np
import pytest

from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling import Covariance
from gammafold.modeling import models as m
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError

DNDE = u.Unit("cm-2 s-1 TeV-1")
TEV = u.TeV
MODEL = m.PowerLawSpectralModel()


def template(**kwargs):
    return m.TemplateSpectralModel([1, 2] * TEV, [1, 2] * DNDE, **kwargs)


def grid(**kwargs):
    axis = MapAxis.from_nodes([1, 2] * TEV, name="energy_true", interp="log")
    return m.TemplateNDSpectralModel(RegionNDMap.create(region=None, axes=[axis], unit=DNDE), **kwargs)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: MODEL.integral(1 * TEV, np.inf * TEV), InputError, "energy limits are 1.0 TeV and inf TeV: .* finite"),
        (lambda: MODEL.energy_flux(1 * TEV, np.nan * TEV), InputError, "energy limits are 1.0 TeV and nan TeV"),
        (
            lambda: MODEL.integral([1, 2] * TEV, [3, 4, 5] * TEV),
            InputError,
            r"energy limits have the shapes \(2,\) and \(3,\): expected ones that broadcast",
        ),
        (lambda: MODEL.inverse(1 * u.m), UnitsError, "value has the unit 'm': expected one like"),
        (lambda: MODEL.inverse_all(1e-13), UnitsError, "value has the unit '': expected one like"),
        (lambda: MODEL.inverse(1e-13 * DNDE, energy_min=5 * TEV, energy_max=1 * TEV), InputError, "5.0 TeV and 1.0"),
        (lambda: MODEL.plot([1, 2, 3] * TEV), InputError, "energy_bounds are .*: expected the lowest and the highest"),
        (lambda: MODEL.plot(1 * TEV), InputError, "energy_bounds are .*: expected the lowest and the highest"),
        (lambda: MODEL.plot(None), InputError, "energy_bounds are None: expected the lowest and the highest"),
        (lambda: MODEL.plot([1, 10]), UnitsError, "an energy of energy_bounds has the unit ''"),
        (lambda: MODEL.plot([1, np.inf] * TEV), InputError, "energy_bounds are .*inf.*: expected 0 < lowest < highest"),
        (lambda: MODEL.plot_error([1, 10] * TEV, n_points=1), InputError, "n_points is 1: expected a whole number, 2"),
        (lambda: m.GaussianSpectralModel(sigma="0 TeV")(1 * TEV), InputError, r"Gaussian.* divides by zero"),
        (lambda: template(interp_kwargs={"extrapolat": False}), InputError, "has 'extrapolat': False, expected"),
        (lambda: template(interp_kwargs={"values_scale": "lin"}), InputError, "'values_scale': 'lin', expected some"),
        (lambda: template(interp_kwargs=3), InputTypeError, "interp_kwargs of the template is 3: expected a dict"),
        (lambda: grid(interp_kwargs={"values_scale": "sqrt"}), InputError, "'values_scale': 'sqrt', expected some of"),
        (lambda: m.TemplateSpectralModel([1, 2] * TEV, "ab"), InputTypeError, "the values of the template are 'ab'"),
        (lambda: MODEL * "a", InputTypeError, "cannot mul a spectral model and 'a': expected a spectral model"),
        (lambda: MODEL * [1, 2], InputTypeError, r"cannot mul a spectral model and \[1, 2\]"),
        (lambda: MODEL + None, InputTypeError, "cannot add a spectral model and None"),
        (lambda: m.ScaleSpectralModel("a"), InputTypeError, "the model to be scaled is 'a': expected a spectral model"),
        (lambda: m.CompoundSpectralModel(MODEL, MODEL, 3), InputError, "operator is 3: expected .* or a function"),
        (lambda: m.FunctionSpectralModel(min, [1]), InputTypeError, r"parameters are \[1\]: expected a dict of values"),
        (lambda: m.GaussianTemporalModel()("2020-01-01"), InputTypeError, "time is '2020-01-01': expected an astropy"),
        (
            lambda: m.LightCurveTemplateTemporalModel.read("/nowhere.fits"),
            FileFormatError,
            "cannot read a table from /nowhere.fits",
        ),
        (lambda: Covariance(MODEL.parameters, "abc"), InputTypeError, "the covariance is 'abc': expected a matrix"),
    ],
)  # fmt: skip
def test_what_is_not_accepted(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_what_scripts_say_of_the_interpolation_is_accepted():
    model = template(interp_kwargs={"method": "linear", "values_scale": "log", "extrapolate": False})
    assert model(3 * TEV) == 0 * DNDE
    read = m.TemplateSpectralModel.from_dict(model.to_dict())
    assert read(3 * TEV) == 0 * DNDE


def test_bounds_of_a_plot_may_be_texts():
    ax = MODEL.plot(["500 GeV", "10 TeV"], n_points=3)
    energies = ax.lines[-1].get_xdata()
    np.testing.assert_allclose(energies, [500, np.sqrt(500 * 1e4), 1e4])
