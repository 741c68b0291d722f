"""Parameters, models and fits."""

from gammafold.modeling.comparison import (
    ModelComparison,
    TestStatisticNested,
    compare_nested,
    select_nested_models,
)
from gammafold.modeling.covariance import Covariance
from gammafold.modeling.fit import Fit
from gammafold.modeling.fit_result import FitResult
from gammafold.modeling.goodness import GoodnessOfFit, goodness_of_fit
from gammafold.modeling.parameter import Parameter, Parameters, PriorParameter

__all__ = [
    "Covariance",
    "Fit",
    "FitResult",
    "GoodnessOfFit",
    "ModelComparison",
    "Parameter",
    "Parameters",
    "PriorParameter",
    "TestStatisticNested",
    "compare_nested",
    "goodness_of_fit",
    "select_nested_models",
]
