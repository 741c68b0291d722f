"""Parameters, models and fits."""

from gammafold.modeling.covariance import Covariance
from gammafold.modeling.fit import Fit
from gammafold.modeling.fit_result import FitResult
from gammafold.modeling.parameter import Parameter, Parameters, PriorParameter

__all__ = ["Covariance", "Fit", "FitResult", "Parameter", "Parameters", "PriorParameter"]
