"""Temporal models: how the flux of a source changes, as a factor of its spectral model.

An observation sees the average of the factor over its good time intervals,

    average = sum_i integral of f(t) over interval i  /  sum_i length of interval i,

from the closed form of the integral of each model. Times are counted in days from the model's ``t_ref``, which is
a modified Julian date in the model's time scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import astropy.units as u
import numpy as np

from gammafold.modeling.models.core import ModelBase
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from astropy.time import Time
    from matplotlib.axes import Axes

__all__ = [
    "ConstantTemporalModel",
    "ExpDecayTemporalModel",
    "GaussianTemporalModel",
    "GeneralizedGaussianTemporalModel",
    "LinearTemporalModel",
    "PowerLawTemporalModel",
    "SineTemporalModel",
    "TemporalModel",
]


# Where days are counted from for a model without a reference time: the default of all others.
_DEFAULT_DAY = 51544.0


class TemporalModel(ModelBase):
    """Base of the temporal models.

    A subclass has ``evaluate(time, *parameters)``, of quantities or of plain numbers in consistent units, and may
    have ``between(start, stop, *parameters)``, the exact integral over intervals, of plain arrays: times (and
    ``t_ref``) in days since some reference, other parameters in the units of their declaration. Without it the
    integral is done numerically.

    Parameters
    ----------
    scale : str
        Time scale of ``t_ref``. Default: "utc".
    **kwargs
        Values of parameters.
    """

    _type: ClassVar[str] = "temporal"
    is_energy_dependent: ClassVar[bool] = False
    _file_keys: ClassVar[tuple[str, ...]] = ("scale",)
    between: ClassVar[Callable[..., Any] | None] = None

    def __init__(self, scale: str = "utc", **kwargs: Any) -> None:
        from astropy.time import Time

        if scale not in Time.SCALES:
            raise InputError(f"the time scale of {type(self).__name__} is {scale!r}: expected one of {Time.SCALES}")
        self.scale = scale
        super().__init__(**kwargs)

    @property
    def reference_time(self) -> Time:
        """``t_ref`` as a time; the modified Julian date 51544 for a model without."""
        from astropy.time import Time

        return Time(self._reference_day, format="mjd", scale=self.scale)

    @property
    def _has_reference(self) -> bool:
        return "t_ref" in self._parameter_names

    @property
    def _reference_day(self) -> float:
        return float(self.__dict__["t_ref"].quantity.to_value("d")) if self._has_reference else _DEFAULT_DAY

    def evaluate(self, time: Any, *parameters: Any) -> Any:
        """Return the factor at times (modified Julian dates), for the given parameters."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it evaluates to: it needs a method evaluate"
        )

    def __call__(self, time: Time) -> np.ndarray:
        """Return the factor at times."""
        from astropy.time import Time

        if not isinstance(time, Time):
            raise InputTypeError(f"time is {time!r}: expected an astropy.time.Time")
        day = u.Quantity(getattr(time, self.scale).mjd, "d")
        value = self.evaluate(day, *(parameter.quantity for parameter in self.parameters))
        return u.Quantity(value).to_value("")

    @staticmethod
    def time_sum(t_min: Time, t_max: Time) -> u.Quantity:
        """Return the sum of the lengths of intervals."""
        return (t_max - t_min).to("d").sum()

    def integral(self, t_min: Time, t_max: Time) -> np.ndarray:
        """Return the integral over intervals, divided by their total length.

        Parameters
        ----------
        t_min, t_max : `~astropy.time.Time`
            Starts and ends, shape ``(n,)``.

        Returns
        -------
        integral : array, shape (n,)
            Its sum is the average of the factor over all intervals.
        """
        start, stop = self._elapsed(t_min), self._elapsed(t_max)
        values = [
            parameter.value * factor + shift
            for parameter, (factor, shift) in zip(self.parameters, self._conversions(), strict=True)
        ]
        return self._integrate(start, stop, values) / np.sum(stop - start)

    def compile(self, gti: Any) -> float | Callable[..., Any]:
        """Return the average over good time intervals as the engine takes it.

        Parameters
        ----------
        gti : `~gammafold.data.gti.GTI`
            Good time intervals.

        Returns
        -------
        average : float or callable
            A number if all parameters are frozen, else a function of all parameters, each a scalar or a column
            ``(N, 1)``, in their units.

        Raises
        ------
        InputError
            If the intervals have no length, or the average at the present parameters is not finite or negative.
        """
        start, stop = self._elapsed(gti.time_start), self._elapsed(gti.time_stop)
        total = float(np.sum(stop - start))
        if not total > 0:
            raise InputError(f"the good time intervals last {total} d: {type(self).__name__} has no average over them")

        conversions = self._conversions()

        def average(*parameters: Any) -> Any:
            values = [value * factor + shift for value, (factor, shift) in zip(parameters, conversions, strict=True)]
            return np.sum(self._integrate(start, stop, values), axis=-1, keepdims=True) / total

        now = float(np.squeeze(average(*(parameter.value for parameter in self.parameters))))
        if not 0 <= now < np.inf:
            raise InputError(
                f"{self!r} averages to {now} over the good time intervals: expected a finite factor, 0 or more"
            )
        return now if self.frozen else average

    def _elapsed(self, time: Time) -> np.ndarray:
        """Return days since the present ``t_ref``: differences of large numbers would lose digits."""
        return np.atleast_1d((time - self.reference_time).to_value("d"))

    def _conversions(self) -> list[tuple[float, float]]:
        """Return for each parameter a factor to the unit of its declaration, and a shift of ``t_ref`` to zero."""
        declared = [parameter.unit for parameter in self.default_parameters]
        return [
            (float(parameter.unit.to(unit)), -self._reference_day if place == "t_ref" else 0.0)
            for place, parameter, unit in zip(self.places, self.parameters, declared, strict=True)
        ]

    def _integrate(self, start: np.ndarray, stop: np.ndarray, values: list[Any]) -> np.ndarray:
        """Return the integrals in days, shape ``(n,)``, or ``(N, n)`` for columns of values."""
        if self.between is not None:
            return self.between(start, stop, *values)
        rows = np.broadcast_arrays(*[np.atleast_1d(np.squeeze(value)) for value in values]) if values else []
        if not rows or len(rows[0]) == 1:
            return self._integrate_numerically(start, stop, [float(row[0]) for row in rows])
        return np.stack([self._integrate_numerically(start, stop, list(row)) for row in zip(*rows, strict=True)])

    def _integrate_numerically(self, start: np.ndarray, stop: np.ndarray, values: list[float]) -> np.ndarray:
        """Return the integrals by Gauss-Legendre rules of 8 points in 32 parts of each interval."""
        from scipy import special

        nodes, weights = special.roots_legendre(8)
        position = ((np.arange(32)[:, None] + 0.5 * (nodes + 1.0)) / 32.0).reshape(-1)
        length = (stop - start)[:, None]
        times = start[:, None] + length * position
        if not self._has_reference:
            # A formula without a reference time may look at the date itself.
            times = times + self._reference_day
        units = [parameter.unit for parameter in self.default_parameters]
        quantities = [value * unit for value, unit in zip(values, units, strict=True)]
        factor = u.Quantity(self.evaluate(times * u.d, *quantities)).to_value("")
        factor = np.broadcast_to(factor, times.shape)
        return np.sum(factor * np.tile(weights, 32) / 64.0, axis=-1) * (stop - start)

    def plot(self, time_range: Any, ax: Axes | None = None, n_points: int = 200, **kwargs: Any) -> Axes:
        """Plot the factor between two times, given as a pair of `~astropy.time.Time`."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        start, stop = time_range
        times = start + (stop - start) * np.linspace(0, 1, n_points)
        ax.plot(getattr(times, self.scale).mjd, self(times), **kwargs)
        # A date is read as it stands, not as a difference to another.
        ax.ticklabel_format(axis="x", useOffset=False)
        ax.set_xlabel(f"Time [MJD, {self.scale.upper()}]")
        ax.set_ylabel("Factor")
        return ax

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as a dict, with its time scale."""
        content = super().to_dict(full_output)
        content[self._type]["scale"] = self.scale
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from `to_dict`."""
        content = data.get(cls._type, data)
        return super().from_dict(data, **{"scale": content.get("scale", "utc"), **kwargs})


class ConstantTemporalModel(TemporalModel):
    """A steady source: the factor is 1."""

    tag = ("ConstantTemporalModel", "const")

    @staticmethod
    def evaluate(time: Any) -> Any:
        """Return ones."""
        return np.ones(np.shape(time))

    @staticmethod
    def between(start: Any, stop: Any) -> Any:
        """Return the lengths of the intervals."""
        return stop - start


class LinearTemporalModel(TemporalModel):
    """A straight line, ``alpha + beta (t - t_ref)``.

    Parameters
    ----------
    alpha : float
        Factor at ``t_ref``. Default: 1.
    beta : quantity
        Slope. Default: 0 / d.
    t_ref : quantity
        Reference time, as a modified Julian date. Default: 51544 d.
    """

    tag = ("LinearTemporalModel", "linear")
    alpha = Parameter("alpha", 1)
    beta = Parameter("beta", "0 d-1")
    t_ref = Parameter("t_ref", "51544 d", frozen=True)

    @staticmethod
    def evaluate(time: Any, alpha: Any, beta: Any, t_ref: Any) -> Any:
        """Return the factor."""
        return alpha + beta * (time - t_ref)

    @staticmethod
    def between(start: Any, stop: Any, alpha: Any, beta: Any, t_ref: Any) -> Any:
        """Return the integral over intervals."""
        return (stop - start) * (alpha + beta * (0.5 * (start + stop) - t_ref))


class ExpDecayTemporalModel(TemporalModel):
    """An exponential decay, ``exp(-(t - t_ref) / t0)``.

    Parameters
    ----------
    t0 : quantity
        Decay time. Default: 1 d.
    t_ref : quantity
        Time at which the factor is 1, as a modified Julian date. Default: 51544 d.
    """

    tag = ("ExpDecayTemporalModel", "exp-decay")
    t0 = Parameter("t0", "1 d")
    t_ref = Parameter("t_ref", "51544 d", frozen=True)

    @staticmethod
    def evaluate(time: Any, t0: Any, t_ref: Any) -> Any:
        """Return the factor."""
        return np.exp(-(time - t_ref) / t0)

    @staticmethod
    def between(start: Any, stop: Any, t0: Any, t_ref: Any) -> Any:
        """Return the integral over intervals."""
        return -t0 * np.exp(-(start - t_ref) / t0) * np.expm1(-(stop - start) / t0)


class GaussianTemporalModel(TemporalModel):
    """A flare, ``exp(-(t - t_ref)^2 / (2 sigma^2))``.

    Parameters
    ----------
    t_ref : quantity
        Time of the peak, as a modified Julian date. Default: 51544 d.
    sigma : quantity
        Width. Default: 1 d.
    """

    tag = ("GaussianTemporalModel", "gauss")
    t_ref = Parameter("t_ref", "51544 d")
    sigma = Parameter("sigma", "1 d")

    @staticmethod
    def evaluate(time: Any, t_ref: Any, sigma: Any) -> Any:
        """Return the factor."""
        return np.exp(-0.5 * ((time - t_ref) / sigma) ** 2)

    @staticmethod
    def between(start: Any, stop: Any, t_ref: Any, sigma: Any) -> Any:
        """Return the integral over intervals."""
        from scipy import special

        low, high = (start - t_ref) / (np.sqrt(2.0) * sigma), (stop - t_ref) / (np.sqrt(2.0) * sigma)
        # In the wings, erf would be 1 minus next to nothing: mirror the interval and take erfc.
        after = low + high > 0
        near, far = np.where(after, low, -high), np.where(after, high, -low)
        return np.sqrt(0.5 * np.pi) * sigma * (special.erfc(near) - special.erfc(far))


class GeneralizedGaussianTemporalModel(TemporalModel):
    """A flare of unequal wings, ``exp(-(|t - t_ref| / t_i)^(1 / eta) / 2)``, ``t_i`` being the rise or decay time.

    Parameters
    ----------
    t_ref : quantity
        Time of the peak, as a modified Julian date. Default: 51544 d.
    t_rise, t_decay : quantity
        Time scales before and after the peak. Defaults: 1 d.
    eta : float
        Shape: 0.5 for normal wings, 1 for exponential ones. Default: 0.5.
    """

    tag = ("GeneralizedGaussianTemporalModel", "gengauss")
    t_ref = Parameter("t_ref", "51544 d")
    t_rise = Parameter("t_rise", "1 d")
    t_decay = Parameter("t_decay", "1 d")
    eta = Parameter("eta", 0.5)

    @staticmethod
    def evaluate(time: Any, t_ref: Any, t_rise: Any, t_decay: Any, eta: Any) -> Any:
        """Return the factor."""
        distance = np.where(time < t_ref, (t_ref - time) / t_rise, (time - t_ref) / t_decay)
        return np.exp(-0.5 * distance ** (1.0 / eta))

    @staticmethod
    def between(start: Any, stop: Any, t_ref: Any, t_rise: Any, t_decay: Any, eta: Any) -> Any:
        """Return the integral over intervals."""

        def since_peak(time: Any) -> Any:
            from scipy import special

            width = np.where(time < t_ref, t_rise, t_decay)
            distance = 0.5 * (np.abs(time - t_ref) / width) ** (1.0 / eta)
            area = width * eta * 2.0**eta * special.gamma(eta) * special.gammainc(eta, distance)
            return np.sign(time - t_ref) * area

        return since_peak(stop) - since_peak(start)


class PowerLawTemporalModel(TemporalModel):
    """A power law, ``((t - t_ref) / t0)^alpha``, of times after ``t_ref``.

    Parameters
    ----------
    alpha : float
        Index. Default: 1.
    t_ref : quantity
        Time at which the power law begins, as a modified Julian date. Default: 51544 d.
    t0 : quantity
        Time after ``t_ref`` at which the factor is 1. Default: 1 d.
    """

    tag = ("PowerLawTemporalModel", "powerlaw")
    alpha = Parameter("alpha", 1)
    t_ref = Parameter("t_ref", "51544 d", frozen=True)
    t0 = Parameter("t0", "1 d", frozen=True)

    @staticmethod
    def evaluate(time: Any, alpha: Any, t_ref: Any, t0: Any) -> Any:
        """Return the factor."""
        return ((time - t_ref) / t0) ** alpha

    @staticmethod
    def between(start: Any, stop: Any, alpha: Any, t_ref: Any, t0: Any) -> Any:
        """Return the integral over intervals; NaN for those that begin before ``t_ref``."""
        from scipy import special

        low, high, power = (start - t_ref) / t0, (stop - t_ref) / t0, alpha + 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            decades = np.log(high / low)
            # One form for all indices: high^power - low^power, without a gap at power = 0.
            finite = low**power * decades * special.exprel(power * decades)
            from_zero = np.where(power > 0, high**power / power, np.inf)
        integral = np.where(low == 0, from_zero, finite)
        return t0 * np.where(low < 0, np.nan, integral)


class SineTemporalModel(TemporalModel):
    """A modulation, ``1 + amp sin(omega (t - t_ref))``.

    Parameters
    ----------
    amp : float
        Amplitude. Default: 1.
    omega : quantity
        Angular frequency. Default: 1 rad / d.
    t_ref : quantity
        Time of phase zero, as a modified Julian date. Default: 51544 d.
    """

    tag = ("SineTemporalModel", "sinus")
    amp = Parameter("amp", 1)
    omega = Parameter("omega", "1 rad d-1")
    t_ref = Parameter("t_ref", "51544 d")

    @staticmethod
    def evaluate(time: Any, amp: Any, omega: Any, t_ref: Any) -> Any:
        """Return the factor."""
        return 1.0 + amp * np.sin(omega * (time - t_ref))

    @staticmethod
    def between(start: Any, stop: Any, amp: Any, omega: Any, t_ref: Any) -> Any:
        """Return the integral over intervals."""
        length, middle = stop - start, 0.5 * (start + stop) - t_ref
        # The difference of two cosines as a product, which also holds at omega = 0.
        return length * (1.0 + amp * np.sin(omega * middle) * np.sinc(omega * length / (2.0 * np.pi)))
