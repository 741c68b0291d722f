"""Spectral, temporal and sky models."""

from gammafold.modeling.models.collection import (
    DatasetModels,
    Models,
)
from gammafold.modeling.models.core import (
    ModelBase,
)
from gammafold.modeling.models.prior import (
    GaussianPrior,
    GeneralizedGaussianPrior,
    LogUniformPrior,
    Prior,
    UniformPrior,
)
from gammafold.modeling.models.registry import (
    MODEL_REGISTRY,
    PRIOR_REGISTRY,
    SPATIAL_MODEL_REGISTRY,
    SPECTRAL_MODEL_REGISTRY,
    TEMPORAL_MODEL_REGISTRY,
)
from gammafold.modeling.models.response import (
    DatasetNormModel,
    EnergyScaleModel,
    ResponseCorrection,
)
from gammafold.modeling.models.sky import (
    FoVBackgroundModel,
    SkyModel,
)
from gammafold.modeling.models.spatial import (
    ConstantSpatialModel,
    DiskSpatialModel,
    GaussianSpatialModel,
    PointSpatialModel,
    SpatialModel,
)
from gammafold.modeling.models.spectral_compound import (
    CompoundSpectralModel,
    ScaleSpectralModel,
)
from gammafold.modeling.models.spectral_core import (
    SpectralModel,
)
from gammafold.modeling.models.spectral_cosmic_ray import (
    create_cosmic_ray_spectral_model,
)
from gammafold.modeling.models.spectral_crab import (
    MeyerCrabSpectralModel,
    create_crab_spectral_model,
)
from gammafold.modeling.models.spectral_curved import (
    LogParabola2SpectralModel,
    LogParabolaNormSpectralModel,
    LogParabolaSpectralModel,
)
from gammafold.modeling.models.spectral_cutoff import (
    ExpCutoffPowerLaw3FGLSpectralModel,
    ExpCutoffPowerLawNormSpectralModel,
    ExpCutoffPowerLawSpectralModel,
    SuperExpCutoffPowerLaw3FGLSpectralModel,
    SuperExpCutoffPowerLaw4FGLDR3SpectralModel,
    SuperExpCutoffPowerLaw4FGLSpectralModel,
)
from gammafold.modeling.models.spectral_ebl import (
    EBLAbsorptionNormSpectralModel,
)
from gammafold.modeling.models.spectral_function import (
    FunctionSpectralModel,
)
from gammafold.modeling.models.spectral_line import (
    GaussianSpectralModel,
    LogGaussianSpectralModel,
)
from gammafold.modeling.models.spectral_naima import (
    NaimaSpectralModel,
)
from gammafold.modeling.models.spectral_piecewise import (
    PiecewiseNormSpectralModel,
)
from gammafold.modeling.models.spectral_power_law import (
    BrokenPowerLawSpectralModel,
    ConstantSpectralModel,
    PowerLaw2SpectralModel,
    PowerLawNormSpectralModel,
    PowerLawSpectralModel,
    SmoothBrokenPowerLawSpectralModel,
)
from gammafold.modeling.models.spectral_step import (
    StepNormSpectralModel,
)
from gammafold.modeling.models.spectral_template import (
    TemplateSpectralModel,
)
from gammafold.modeling.models.spectral_template_nd import (
    TemplateNDSpectralModel,
)
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
from gammafold.modeling.models.temporal_template import (
    LightCurveTemplateTemporalModel,
)

__all__ = [
    "MODEL_REGISTRY",
    "PRIOR_REGISTRY",
    "SPATIAL_MODEL_REGISTRY",
    "SPECTRAL_MODEL_REGISTRY",
    "TEMPORAL_MODEL_REGISTRY",
    "BrokenPowerLawSpectralModel",
    "CompoundSpectralModel",
    "ConstantSpatialModel",
    "ConstantSpectralModel",
    "ConstantTemporalModel",
    "DatasetModels",
    "DatasetNormModel",
    "DiskSpatialModel",
    "EBLAbsorptionNormSpectralModel",
    "EnergyScaleModel",
    "ExpCutoffPowerLaw3FGLSpectralModel",
    "ExpCutoffPowerLawNormSpectralModel",
    "ExpCutoffPowerLawSpectralModel",
    "ExpDecayTemporalModel",
    "FoVBackgroundModel",
    "FunctionSpectralModel",
    "GaussianPrior",
    "GaussianSpatialModel",
    "GaussianSpectralModel",
    "GaussianTemporalModel",
    "GeneralizedGaussianPrior",
    "GeneralizedGaussianTemporalModel",
    "LightCurveTemplateTemporalModel",
    "LinearTemporalModel",
    "LogGaussianSpectralModel",
    "LogParabola2SpectralModel",
    "LogParabolaNormSpectralModel",
    "LogParabolaSpectralModel",
    "LogUniformPrior",
    "MeyerCrabSpectralModel",
    "ModelBase",
    "Models",
    "NaimaSpectralModel",
    "PiecewiseNormSpectralModel",
    "PointSpatialModel",
    "PowerLaw2SpectralModel",
    "PowerLawNormSpectralModel",
    "PowerLawSpectralModel",
    "PowerLawTemporalModel",
    "Prior",
    "ResponseCorrection",
    "ScaleSpectralModel",
    "SineTemporalModel",
    "SkyModel",
    "SmoothBrokenPowerLawSpectralModel",
    "SpatialModel",
    "SpectralModel",
    "StepNormSpectralModel",
    "SuperExpCutoffPowerLaw3FGLSpectralModel",
    "SuperExpCutoffPowerLaw4FGLDR3SpectralModel",
    "SuperExpCutoffPowerLaw4FGLSpectralModel",
    "TemplateNDSpectralModel",
    "TemplateSpectralModel",
    "TemporalModel",
    "UniformPrior",
    "create_cosmic_ray_spectral_model",
    "create_crab_spectral_model",
]
