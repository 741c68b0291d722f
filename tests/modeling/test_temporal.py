"""Temporal models: integrals against quadrature, and what the engine is given."""

from __future__ import annotations

from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from scipy.integrate import quad

from gammafold.modeling.models.registry import ModelRegistry
from gammafold.modeling.models.temporal import (
    ConstantTemporalModel,
    ExpDecayTemporalModel,
    GaussianTemporalModel,
    GeneralizedGaussianTemporalModel,
    LinearTemporalModel,
    PowerLawTemporalModel,
    SineTemporalModel,
    TemporalModel,
)
from gammafold.modeling.models.temporal_template import LightCurveTemplateTemporalModel
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError

START = Time(55555, format="mjd", scale="utc")
STARTS, STOPS = START + [0, 2] * u.h, START + [1, 5] * u.h
HOURS = np.array([[0, 1], [2, 5]]) / 24


class RampTemporalModel(TemporalModel):
    """A user's model, written for quantities, without an integral."""

    slope = Parameter("slope", "0.1 h-1")
    t_ref = Parameter("t_ref", "55555 d", frozen=True)

    @staticmethod
    def evaluate(time, slope, t_ref):
        """Return the factor."""
        return (1 + ((time - t_ref) * slope).to_value("")) ** 2


MODELS = [
    ConstantTemporalModel(),
    LinearTemporalModel(alpha=0.7, beta="3 d-1", t_ref="55555 d"),
    ExpDecayTemporalModel(t0="2 h", t_ref="55555 d"),
    GaussianTemporalModel(t_ref="55555.1 d", sigma="0.1 d"),
    GaussianTemporalModel(t_ref="55555 d", sigma="10 min"),
    GeneralizedGaussianTemporalModel(t_ref="55555.1 d", t_rise="1 h", t_decay="0.2 d", eta=0.7),
    PowerLawTemporalModel(t_ref="55554 d"),
    PowerLawTemporalModel(t_ref="55554 d", alpha=-1),
    PowerLawTemporalModel(t_ref="55554 d", alpha=-1 + 1e-9),
    PowerLawTemporalModel(t_ref="55554 d", t0="12 h", alpha=-2.3),
    SineTemporalModel(t_ref="55555 d", amp=0.5, omega="30 rad/d"),
    SineTemporalModel(t_ref="55555 d", amp=0.5, omega="0 rad/d"),
    LightCurveTemplateTemporalModel([-1, 0, 1, 2.5, 4] * u.h, [3, 1, 2, 3, 0.5], t_ref="55555 d"),
    RampTemporalModel(slope="0.2 h-1"),
]


def integrals(model) -> np.ndarray:
    """Integrals over the intervals in days, from values of the model alone."""
    return np.array(
        [
            quad(lambda day: model(START + day * u.d), low, high, epsabs=1e-13, epsrel=1e-11, limit=200,
                 points=np.linspace(low, high, 13)[1:-1])[0]
            for low, high in HOURS
        ]
    )  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_integrals(model):
    # Modified Julian dates, which the values are computed from, are good to a microsecond.
    expected = integrals(model) / (4 / 24)
    np.testing.assert_allclose(model.integral(STARTS, STOPS), expected, rtol=2e-9, atol=1e-12)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_engine_gets_the_same_average(model):
    gti = SimpleNamespace(time_start=STARTS.tt, time_stop=STOPS.tt)
    expected = model.integral(STARTS, STOPS).sum()
    model = model.copy()
    model.parameters.freeze_all()
    assert model.compile(gti) == pytest.approx(expected, rel=1e-12)
    if not len(model.parameters):
        return
    model.parameters.unfreeze_all()
    average = model.compile(gti)
    values = model.parameters.value
    assert np.squeeze(average(*values)) == pytest.approx(expected, rel=1e-12)
    # A batch of columns is as many single calls.
    batch = values + 1e-3 * np.abs(values) * np.array([[0], [1], [-1]]) * [p.name != "t_ref" for p in model.parameters]
    rows = average(*batch.T[:, :, None])
    assert rows.shape == (3, 1)
    single = [np.squeeze(average(*row)) for row in batch]
    np.testing.assert_allclose(rows[:, 0], single, rtol=1e-13)


def test_a_free_reference_time_moves_the_flare():
    model = GaussianTemporalModel(t_ref="55555.1 d", sigma="0.1 d")
    average = model.compile(SimpleNamespace(time_start=STARTS, time_stop=STOPS))
    moved = model.copy(t_ref="55555.15 d")
    assert np.squeeze(average(55555.15, 0.1)) == pytest.approx(moved.integral(STARTS, STOPS).sum(), rel=1e-9)


def test_parameters_in_other_units():
    model = ExpDecayTemporalModel(t0="2 h", t_ref="55555 d")
    average = model.compile(SimpleNamespace(time_start=STARTS, time_stop=STOPS))
    longer = ExpDecayTemporalModel(t0="3 h", t_ref="55555 d")
    assert np.squeeze(average(3.0, 55555.0)) == pytest.approx(longer.integral(STARTS, STOPS).sum(), rel=1e-12)


def test_far_wings_keep_their_digits():
    import mpmath

    model = GaussianTemporalModel(t_ref="55555 d", sigma="5 min")
    expected = mpmath.quad(lambda x: mpmath.exp(-(x**2) / 2), [24, 25, 30, 36]) / 12
    value = model.integral(START + [2] * u.h, START + [3] * u.h)
    # Cancellation between erf of 17 and erf of 25 would give zero.
    assert value[0] == pytest.approx(float(expected), rel=1e-6)
    assert value[0] > 0


def test_leap_seconds_and_scales():
    # 37 s lie between UTC and TAI, and 32.184 s between TAI and TT.
    model = ExpDecayTemporalModel(t0="100 s", t_ref="58000 d", scale="tt")
    late = Time(58000, format="mjd", scale="utc")
    assert model(late) == pytest.approx(np.exp(-0.69184), rel=1e-7)
    assert model.reference_time.scale == "tt"


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_round_trip(model):
    again = type(model).from_dict(model.to_dict())
    assert again.to_dict() == model.to_dict()
    np.testing.assert_array_equal(again.integral(STARTS, STOPS), model.integral(STARTS, STOPS))
    assert model.to_dict()["temporal"]["scale"] == "utc"


def test_templates_from_tables_and_files(tmp_path):
    meta = {"MJDREFI": 55555, "MJDREFF": 0.25, "TIMEUNIT": "h", "TIMESYS": "TT"}
    table = Table({"TIME": [0.0, 1, 2], "NORM": [1.0, 3, 2]}, meta=meta)
    model = LightCurveTemplateTemporalModel.from_table(table)
    assert model.scale == "tt"
    times = Time(55555.25, format="mjd", scale="tt") + [-0.1, 0.5, 1.5, 2.1] * u.h
    np.testing.assert_allclose(model(times), [0, 2, 2.5, 0], rtol=1e-7)
    path = tmp_path / "curve.fits"
    model.write(path)
    again = LightCurveTemplateTemporalModel.read(path)
    np.testing.assert_allclose(again(times), model(times), rtol=1e-12)
    assert again.to_dict()["temporal"]["filename"] == str(path)
    third = LightCurveTemplateTemporalModel.from_dict(again.to_dict())
    np.testing.assert_allclose(third(times), model(times), rtol=1e-12)
    with pytest.raises(InputError, match="file exists"):
        again.write()
    with pytest.raises(InputError, match="no file name"):
        model.write()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.remove_column("NORM"), "curve.fits: no column 'NORM'"),
        (lambda t: t.meta.pop("MJDREFF"), "the keyword 'MJDREFF' is missing"),
    ],
)
def test_tables_that_are_no_light_curve(change, match):
    table = Table({"TIME": [0.0, 1] * u.s, "NORM": [1.0, 3]}, meta={"MJDREFI": 55555, "MJDREFF": 0.25})
    change(table)
    with pytest.raises(FileFormatError, match=match):
        LightCurveTemplateTemporalModel.from_table(table, filename="curve.fits")


@pytest.mark.parametrize(
    ("times", "values", "match"),
    [
        ([0], [1], "expected two or more"),
        ([0, 1], [1, 2, 3], "expected two or more"),
        ([0, 2, 1], [1, 2, 3], "do not increase"),
        ([0, 1], [1, -2], "negative or not finite"),
        ([0, 1], [1, np.nan], "negative or not finite"),
    ],
)
def test_arrays_that_are_no_light_curve(times, values, match):
    with pytest.raises(InputError, match=match):
        LightCurveTemplateTemporalModel(times * u.h, values)


def test_a_template_without_numbers():
    content = {"temporal": {"type": "LightCurveTemplateTemporalModel", "parameters": []}}
    with pytest.raises(FileFormatError, match="without filename, and without times and values"):
        LightCurveTemplateTemporalModel.from_dict(content)


def test_averages_that_are_none():
    gti = SimpleNamespace(time_start=STARTS, time_stop=STOPS)
    with pytest.raises(InputError, match="averages to nan"):
        PowerLawTemporalModel(t_ref="55556 d").compile(gti)
    with pytest.raises(InputError, match="averages to -"):
        LinearTemporalModel(alpha=-1, t_ref="55555 d").compile(gti)
    with pytest.raises(InputError, match="averages to inf"):
        PowerLawTemporalModel(alpha=-2, t_ref="55555 d").compile(gti)
    with pytest.raises(InputError, match="last 0.0 d"):
        ConstantTemporalModel().compile(SimpleNamespace(time_start=STARTS, time_stop=STARTS))


def test_a_power_law_that_begins_with_the_observation():
    model = PowerLawTemporalModel(alpha=0.5, t_ref="55555 d")
    value = model.integral(STARTS[:1], STOPS[:1])
    assert value[0] == pytest.approx((1 / 24) ** 0.5 / 1.5, rel=1e-9)


def test_arguments():
    with pytest.raises(InputError, match="time scale of ConstantTemporalModel is 'gps'"):
        ConstantTemporalModel(scale="gps")
    with pytest.raises(InputTypeError, match=r"ExpDecayTemporalModel has no parameter \['t1'\]"):
        ExpDecayTemporalModel(t1="1 d")


def test_tags():
    for tag in ("const", "linear", "exp-decay", "gauss", "gengauss", "powerlaw", "sinus", "template"):
        assert ModelRegistry("temporal").get_cls(tag)._type == "temporal"


def test_plot():
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = ExpDecayTemporalModel(t_ref="55555 d").plot((STARTS[0], STOPS[1]), n_points=5)
    ax.figure.draw_without_rendering()
    assert ax.xaxis.get_major_formatter().get_offset() == ""
    assert ax.get_xlabel() == "Time [MJD, UTC]"
    x, y = ax.lines[0].get_data()
    assert len(x) == 5
    assert y[0] == pytest.approx(1)
    plt.close(ax.figure)
