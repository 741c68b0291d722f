"""Models of sources, and of the background: what `Models` holds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from gammafold.modeling.links import labelled
from gammafold.modeling.models.core import ModelBase, NamedModel, import_path, listed_names, main_tag
from gammafold.modeling.models.registry import ModelRegistry, find_class
from gammafold.modeling.models.spectral_power_law import PowerLawNormSpectralModel
from gammafold.modeling.parameter import Parameters
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError
from gammafold.utils.names import make_name, name_in_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from astropy.coordinates import SkyCoord

    from gammafold.modeling.models.spatial import SpatialModel
    from gammafold.modeling.models.spectral_core import SpectralModel
    from gammafold.modeling.models.temporal import TemporalModel

__all__ = ["FoVBackgroundModel", "SkyModel"]

_KINDS = ("spectral", "spatial", "temporal")
_IRFS = ("exposure", "psf", "edisp")


class ComponentModel(NamedModel):
    """A named model made of a spectral, a spatial and a temporal part, of which some may be missing."""

    _spectral_model: SpectralModel
    _spatial_model: SpatialModel | None = None
    _temporal_model: TemporalModel | None = None

    @property
    def spectral_model(self) -> SpectralModel:
        """Spectral part."""
        return self._spectral_model

    @spectral_model.setter
    def spectral_model(self, model: SpectralModel) -> None:
        self._spectral_model = _part(model, "spectral", self)

    @property
    def spatial_model(self) -> SpatialModel | None:
        """Spatial part, or None."""
        return self._spatial_model

    @spatial_model.setter
    def spatial_model(self, model: SpatialModel | None) -> None:
        self._spatial_model = None if model is None else _part(model, "spatial", self)

    @property
    def temporal_model(self) -> TemporalModel | None:
        """Temporal part, or None for a steady source."""
        return self._temporal_model

    @temporal_model.setter
    def temporal_model(self, model: TemporalModel | None) -> None:
        self._temporal_model = None if model is None else _part(model, "temporal", self)

    @property
    def parts(self) -> dict[str, ModelBase]:
        """The parts that there are, by their kind."""
        parts = (self._spectral_model, self._spatial_model, self._temporal_model)
        return {kind: part for kind, part in zip(_KINDS, parts, strict=True) if part is not None}

    @property
    def parameters(self) -> Parameters:
        """Parameters of the spectral, the spatial and the temporal part, in this order."""
        return Parameters.from_stack(part.parameters for part in self.parts.values())

    def freeze(self, model_type: str | None = None) -> None:
        """Freeze all parameters, or those of one part ("spectral", "spatial", "temporal")."""
        for part in self._chosen(model_type):
            part.freeze()

    def unfreeze(self, model_type: str | None = None) -> None:
        """Make parameters frozen or free as their classes declare them, of all parts or of one."""
        for part in self._chosen(model_type):
            part.unfreeze()

    def _chosen(self, kind: str | None) -> list[ModelBase]:
        if kind is not None and kind not in _KINDS:
            raise InputError(f"model_type is {kind!r}: expected one of {_KINDS} or None")
        return [part for own, part in self.parts.items() if kind in (None, own)]

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts, lists, strings and numbers.

        Parameters
        ----------
        full_output : bool
            Whether to write what is as the classes declare it, too. Default: False.
        """
        content: dict[str, Any] = {"name": self.name, "type": main_tag(type(self))}
        path = import_path(type(self))
        if path is not None:
            content["class"] = path
        if self.datasets_names is not None:
            content["datasets_names"] = list(self.datasets_names)
        with labelled((parameter, self.name) for parameter in self.parameters):
            for part in self.parts.values():
                content |= part.to_dict(full_output)
        return content

    def __repr__(self) -> str:
        parts = ", ".join(repr(part) for part in self.parts.values())
        return f"{type(self).__name__}({parts}, name={self.name!r})"

    def __str__(self) -> str:
        lines = [type(self).__name__, ""]
        facts = {"Name": self.name, "Datasets names": self.datasets_names}
        facts |= {f"{kind.capitalize()} model": type(part).__name__ for kind, part in self.parts.items()}
        lines += [f"  {name:<15}: {value}" for name, value in facts.items()]
        lines += [f"  {line}" for line in self.parameters.to_table().pformat(max_lines=-1, max_width=-1)]
        return "\n".join(lines)


class SkyModel(ComponentModel):
    """A source on the sky: its spectrum, and where and when it shines.

    Parameters
    ----------
    spectral_model : SpectralModel
        Spectral part.
    spatial_model : SpatialModel, optional
        Spatial part. Default: at the region of each dataset.
    temporal_model : TemporalModel, optional
        Temporal part. Default: steady.
    name : str, optional
        Unique among the models of a fit. Default: a random string of eight characters.
    apply_irf : dict, optional
        Whether exposure, energy dispersion and point-spread function apply: ``{"exposure": True, ...}``.
        Kept for files; spectra are folded with all that they have.
    datasets_names : str or list of str, optional
        Datasets that the model applies to. Default: all.
    covariance_data : array, optional
        Covariance of the parameters, shape ``(P, P)``.

    Examples
    --------
    >>> from gammafold.modeling.models import PowerLawSpectralModel
    >>> model = SkyModel(PowerLawSpectralModel(index=2.3), name="crab")
    >>> model.parameters["index"].value
    2.3
    """

    tag = ("SkyModel", "sky-model")
    tag_is_sky: ClassVar[bool] = True

    def __init__(
        self,
        spectral_model: SpectralModel,
        spatial_model: SpatialModel | None = None,
        temporal_model: TemporalModel | None = None,
        name: str | None = None,
        apply_irf: dict[str, bool] | None = None,
        datasets_names: Any = None,
        covariance_data: Any = None,
    ) -> None:
        super().__init__(name=name, datasets_names=datasets_names)
        self.spectral_model = spectral_model
        self.spatial_model = spatial_model
        self.temporal_model = temporal_model
        self.apply_irf = dict.fromkeys(_IRFS, True) | _checked_irfs(apply_irf or {}, self.name)
        if covariance_data is not None:
            self.covariance = covariance_data

    @classmethod
    def create(
        cls, spectral_model: str, spatial_model: str | None = None, temporal_model: str | None = None, **kwargs: Any
    ) -> SkyModel:
        """Return a model of parts given by their tags, such as ``SkyModel.create("pl", "point")``."""
        tags = {"spectral": spectral_model, "spatial": spatial_model, "temporal": temporal_model}
        parts = {f"{kind}_model": ModelRegistry(kind).get_cls(tag)() for kind, tag in tags.items() if tag is not None}
        return cls(**parts, **kwargs)

    @property
    def position(self) -> SkyCoord | None:
        """Centre of the spatial part, or None."""
        return None if self._spatial_model is None else self._spatial_model.position

    @property
    def frame(self) -> str | None:
        """Frame of the spatial part, or None."""
        return None if self._spatial_model is None else self._spatial_model.frame

    def evaluate(self, lon: Any, lat: Any, energy: Any, time: Any = None) -> Any:
        """Return the differential flux, per solid angle if there is a spatial part.

        Parameters
        ----------
        lon, lat : quantity
            Positions; not looked at without a spatial part.
        energy : quantity
            Energies.
        time : `~astropy.time.Time`, optional
            Times; not looked at without a temporal part.
        """
        value = self.spectral_model(energy)
        if self._spatial_model is not None:
            value = value * self._spatial_model(lon, lat)
        if self._temporal_model is not None and time is not None:
            value = value * self._temporal_model(time)
        return value

    def copy(self, name: str | None = None, copy_data: bool = False, **kwargs: Any) -> SkyModel:  # type: ignore[override]
        """Return a copy under a new name.

        Parameters
        ----------
        name : str, optional
            Name of the copy. Default: a random string of eight characters.
        copy_data : bool
            Accepted for scripts: data such as the arrays of a template are always copied.
        **kwargs
            Arguments of the class that are other than for this model; a part given here is not copied.
        """
        new = copy.deepcopy(self)
        new._name = make_name(name)
        allowed = {"spectral_model", "spatial_model", "temporal_model", "datasets_names", "apply_irf"}
        unknown = set(kwargs) - allowed - {"covariance_data"}
        if unknown:
            raise InputTypeError(f"SkyModel.copy has no argument {sorted(unknown)}: expected some of {sorted(allowed)}")
        covariance = kwargs.pop("covariance_data", None)
        for argument, value in kwargs.items():
            setattr(new, argument, value)
        if covariance is not None:
            new.covariance = covariance
        return new

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts, lists, strings and numbers."""
        content = super().to_dict(full_output)
        if not all(self.apply_irf.values()):
            content["apply_irf"] = dict(self.apply_irf)
        return content

    @classmethod
    def from_content(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from a dict; linked parameters still carry their labels."""
        if data.get("spectral") is None:
            raise FileFormatError("there is no spectral model: expected an entry 'spectral'")
        return cls(
            **_parts_from_dict(data),
            name=name_in_file(data.get("name")),
            datasets_names=data.get("datasets_names"),
            apply_irf=data.get("apply_irf"),
            **kwargs,
        )


class FoVBackgroundModel(ComponentModel):
    """A correction to the expected background of one dataset.

    Parameters
    ----------
    dataset_name : str
        The dataset.
    spectral_model : SpectralModel, optional
        What the expected background is multiplied by, without a unit. Default: a norm model with the parameters
        ``norm``, ``tilt`` (frozen) and ``reference`` (frozen).
    spatial_model : None
        Accepted for scripts; the background of a spectrum has no shape on the sky.
    covariance_data : array, optional
        Covariance of the parameters, shape ``(P, P)``.
    name : str, optional
        Default: the name of the dataset with "-bkg" appended.

    Examples
    --------
    >>> model = FoVBackgroundModel(dataset_name="run-1")
    >>> model.name, model.datasets_names
    ('run-1-bkg', ['run-1'])
    >>> model.parameters.free_parameters.names
    ['norm']
    """

    tag = ("FoVBackgroundModel", "fov-bkg")

    def __init__(
        self,
        dataset_name: str,
        spectral_model: SpectralModel | None = None,
        spatial_model: None = None,
        covariance_data: Any = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(dataset_name, str):
            raise InputTypeError(f"dataset_name is {dataset_name!r}: expected the name of the dataset to be corrected")
        if spatial_model is not None:
            raise InputError(f"the background of {dataset_name!r} cannot have the spatial model {spatial_model!r}")
        super().__init__(name=name or f"{dataset_name}-bkg", datasets_names=[dataset_name])
        self.spectral_model = PowerLawNormSpectralModel() if spectral_model is None else spectral_model
        if covariance_data is not None:
            self.covariance = covariance_data

    def evaluate(self, energy: Any) -> Any:
        """Return the factor at energies."""
        return self.spectral_model(energy)

    def compile(self) -> Callable[..., Any]:
        """Return the factor as a function of energies in TeV and of the parameters, of plain arrays."""
        return self.spectral_model.compile().evaluate

    def reset_to_default(self) -> None:
        """Set each parameter to the value that its class declares."""
        for parameter in self.spectral_model.default_parameters:
            self.spectral_model.parameters[parameter.name].quantity = parameter.quantity

    def copy(self, name: str | None = None, copy_data: bool = False, **kwargs: Any) -> FoVBackgroundModel:  # type: ignore[override]
        """Return a copy under another name, by default that of this model; other arguments are those of the class."""
        new = copy.deepcopy(self)
        new._name = name or self.name
        if "dataset_name" in kwargs:
            dataset_name = kwargs.pop("dataset_name")
            new.datasets_names = [dataset_name]
            new._name = name or f"{dataset_name}-bkg"
        if "spectral_model" in kwargs:
            new.spectral_model = kwargs.pop("spectral_model")
        if kwargs:
            raise InputTypeError(f"FoVBackgroundModel.copy has no argument {sorted(kwargs)}")
        return new

    @classmethod
    def from_content(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from a dict; linked parameters still carry their labels."""
        names = listed_names(data.get("datasets_names"), str(data.get("name"))) or [""]
        if len(names) != 1 or not names[0]:
            raise FileFormatError(f"the model of the background is for the datasets {names}: expected the name of one")
        return cls(names[0], name=name_in_file(data.get("name")), **_parts_from_dict(data), **kwargs)


def _checked_irfs(apply_irf: Any, name: str) -> dict[str, bool]:
    if not isinstance(apply_irf, Mapping) or not all(isinstance(value, bool) for value in apply_irf.values()):
        raise InputTypeError(f"apply_irf of model {name!r} is {apply_irf!r}: expected a dict of True and False")
    unknown = sorted(str(key) for key in apply_irf if key not in _IRFS)
    if unknown:
        raise InputError(f"apply_irf of model {name!r} has {unknown}: expected some of {_IRFS}")
    return dict(apply_irf)


def _part(model: Any, kind: str, owner: NamedModel) -> Any:
    """Return a part if it is one of its kind."""
    if not isinstance(model, ModelBase) or model._type != kind:
        raise InputTypeError(f"the {kind} model of {owner.name!r} is {model!r}: expected a {kind} model")
    return model


def _parts_from_dict(data: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{kind}_model": find_class(data[kind], ModelBase, kind).from_dict(data)
        for kind in _KINDS
        if data.get(kind) is not None
    }
