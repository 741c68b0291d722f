"""What a fit found, and what really ran."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold import __version__
from gammafold.utils.errors import FileFormatError, GammafoldError, MissingPackageError, UnknownNameError
from gammafold.utils.files import read_yaml, write_yaml

if TYPE_CHECKING:
    import os

    from astropy.table import Table

    from gammafold.modeling.models.collection import Models
    from gammafold.modeling.parameter import Parameters

__all__ = ["FitResult", "software_versions"]

Array = NDArray[np.float64]

# The version of the file layout, raised when a reader must know the difference.
_SCHEMA = 1


@dataclass(frozen=True, eq=False, repr=False)
class FitResult:
    """The result of a fit; immutable, and independent of what happens to the models later.

    Attributes
    ----------
    names : tuple of str
        Names of the free parameters, length p.
    values, errors : array, shape (p,)
        Best values and one-sigma errors in the parameters' units. An error is 0 where none is known
        (see ``covariance_method`` and ``at_limit``).
    covariance : array, shape (p, p), or None
        Covariance of the free parameters; None when it could not be computed.
    covariance_method : {"hessian", "fisher", "none"}
        What the covariance was computed from.
    covariance_accurate : bool
        Whether the Hessian was positive definite.
    total_stat : float
        Statistic at the minimum, with the constants that the field uses, priors included.
    success : bool
        Whether the minimum was found.
    message : str
        How it ended, in words.
    backend, method : str
        What really ran.
    nfev : int
        Evaluations of the statistic.
    edm : float
        Expected distance to the minimum, in the statistic, from the exact gradient and Hessian.
    at_limit : tuple of str
        Free parameters that ended on one of their limits, or at an end of a prior that is zero beyond it.
    n_data : int
        Bins that entered.
    warnings : tuple of str
        What is doubtful though the fit may have converged: a biased statistic, negative predictions, no errors.
    models : Models
        A copy of the models, as fitted.
    trace : tuple
        The evaluations, where the fit was asked to store them.
    versions : dict
        Versions of what computed this.
    """

    names: tuple[str, ...]
    values: Array
    errors: Array
    covariance: Array | None
    covariance_method: str
    covariance_accurate: bool
    total_stat: float
    success: bool
    message: str
    backend: str
    method: str
    nfev: int
    edm: float
    at_limit: tuple[str, ...]
    n_data: int
    models: Models
    warnings: tuple[str, ...] = ()
    trace: tuple[tuple[float, Array], ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def n_free(self) -> int:
        """Number of free parameters."""
        return len(self.names)

    @property
    def parameters(self) -> Parameters:
        """All parameters of the fitted models, frozen ones too."""
        return self.models.parameters

    @property
    def correlation(self) -> Array | None:
        """Correlation matrix (p, p) of the free parameters; None without a covariance."""
        if self.covariance is None:
            return None
        size = np.where(self.errors > 0, self.errors, 1.0)
        return self.covariance / np.outer(size, size)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, stat + 2 p (Akaike 1974)."""
        return self.total_stat + 2.0 * self.n_free

    @property
    def bic(self) -> float:
        """Bayesian information criterion, stat + p ln(n) (Schwarz 1978)."""
        return self.total_stat + self.n_free * float(np.log(self.n_data))

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Value and error of a free parameter by its name: "index" where there is one, else "crab.index"."""
        found = [i for i, own in enumerate(self.names) if own == name]
        if not found:
            called = {id(parameter) for parameter in self.models.parameters_called(name)}
            free = self.parameters.unique_parameters.free_parameters
            pairs = enumerate(zip(self.names, free, strict=True))
            found = [i for i, (own, parameter) in pairs if own.endswith(f".{name}") or id(parameter) in called]
        if len(found) != 1:
            kind = "several parameters match" if found else "no free parameter"
            raise UnknownNameError(f"{kind} {name!r}: there are {list(self.names)}")
        return float(self.values[found[0]]), float(self.errors[found[0]])

    def to_table(self) -> Table:
        """Free parameters with values and errors, one row each."""
        from astropy.table import Table

        free = self.parameters.unique_parameters.free_parameters
        columns = {
            "name": list(self.names),
            "value": self.values,
            "error": self.errors,
            "unit": [str(parameter.unit) for parameter in free],
            "at_limit": [name in self.at_limit for name in self.names],
        }
        table = Table(columns)
        table["value"].format = table["error"].format = ".5g"
        return table

    def __repr__(self) -> str:
        state = "converged" if self.success else "FAILED"
        head = (
            f"FitResult: {state} ({self.message}), {self.backend}, {self.nfev} evaluations\n"
            f"  statistic {self.total_stat:.6f} in {self.n_data} bins, {self.n_free} free parameters\n"
            f"  errors from: {self.covariance_method}"
        )
        width = max((len(name) for name in self.names), default=0)
        units = [str(p.unit) for p in self.parameters.unique_parameters.free_parameters]
        rows = [
            f"  {name:<{width}} = {value:.6g} ± {error:.3g} {unit}" + (" (at limit)" if name in self.at_limit else "")
            for name, value, error, unit in zip(self.names, self.values, self.errors, units, strict=True)
        ]
        return "\n".join([head, *rows, *(f"  doubtful: {text}" for text in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain dicts, lists and numbers."""
        return {
            "fit_result": {
                "schema": _SCHEMA,
                "success": self.success,
                "message": self.message,
                "backend": self.backend,
                "method": self.method,
                "nfev": self.nfev,
                "edm": self.edm,
                "total_stat": self.total_stat,
                "n_data": self.n_data,
                "names": list(self.names),
                "values": self.values.tolist(),
                "errors": self.errors.tolist(),
                "covariance": None if self.covariance is None else self.covariance.tolist(),
                "covariance_method": self.covariance_method,
                "covariance_accurate": self.covariance_accurate,
                "at_limit": list(self.at_limit),
                "warnings": list(self.warnings),
                "versions": dict(self.versions),
                "trace": [[value, theta.tolist()] for value, theta in self.trace],
            },
            **self.models.to_dict(),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any], source: str = "the dict") -> FitResult:
        """Rebuild a result from `to_dict`.

        Raises
        ------
        FileFormatError
            If an entry is missing, or the layout is newer than this version knows.
        """
        from gammafold.modeling.models.collection import Models

        try:
            return cls._from_record(dict(content["fit_result"]), Models.from_dict(content))
        except MissingPackageError:
            raise
        except GammafoldError as error:
            raise FileFormatError(f"{source}: {error}") from error
        except KeyError as error:
            raise FileFormatError(f"{source}: not a fit result: {error} is missing") from error
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"{source}: not a fit result: {error}") from error

    @classmethod
    def _from_record(cls, record: dict[str, Any], models: Models) -> FitResult:
        schema = record.pop("schema")
        if schema > _SCHEMA:
            raise FileFormatError(f"fit_result has schema {schema}, this version reads up to {_SCHEMA}")
        free = models.parameters.unique_parameters.free_parameters
        n = len(free)
        if len(record["names"]) != n:
            raise FileFormatError(f"fit_result is of {record['names']}, and its models have {n} free parameters")
        covariance = record["covariance"]
        if covariance is not None:
            covariance = _array(record, "covariance", (n, n))
            models.set_covariance(free, covariance)
        return cls(
            **record
            | {
                "names": tuple(record["names"]),
                "at_limit": tuple(record["at_limit"]),
                "warnings": tuple(record.get("warnings", ())),
                "values": _array(record, "values", (n,)),
                "errors": _array(record, "errors", (n,)),
                "covariance": covariance,
                "trace": tuple((float(value), np.asarray(theta, dtype=float)) for value, theta in record["trace"]),
                "models": models,
            }
        )

    def write(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the result, with models, covariance, priors and links, to one YAML file."""
        write_yaml(self.to_dict(), path, overwrite=overwrite)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> FitResult:
        """Read a result that `write` wrote."""
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise FileFormatError(f"{path}: not a fit result")
        return cls.from_dict(content, source=str(path))


def _array(record: dict[str, Any], name: str, shape: tuple[int, ...]) -> Array:
    array = np.asarray(record[name], dtype=float)
    if array.shape != shape:
        raise FileFormatError(f"{name} of fit_result have the shape {array.shape}: expected {shape}")
    return array


@cache
def _installed_versions() -> tuple[tuple[str, str], ...]:
    # Reading a package's metadata takes milliseconds, and a version cannot change while we run.
    packages = ("numpy", "scipy", "astropy", "iminuit")
    own = (("gammafold", __version__), ("python", platform.python_version()))
    return own + tuple((name, version(name)) for name in packages)


def software_versions() -> dict[str, str]:
    """Versions of gammafold, python and the packages that do the numbers."""
    return dict(_installed_versions())
