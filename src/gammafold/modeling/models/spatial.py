"""Spatial models: where on the sky a source is.

A spectrum is folded with the exposure at its region, so that a spatial model changes nothing but this: a source
whose support does not touch the region gives no counts (`SpatialModel.touches`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import astropy.units as u
import numpy as np

from gammafold.modeling.models.core import ModelBase
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from regions import SkyRegion

    from gammafold.maps.region_geom import RegionGeom

__all__ = [
    "ConstantSpatialModel",
    "DiskSpatialModel",
    "GaussianSpatialModel",
    "PointSpatialModel",
    "SpatialModel",
]

_FRAMES = ("icrs", "galactic")


class SpatialModel(ModelBase):
    """Base of the spatial models.

    Parameters
    ----------
    frame : {"icrs", "galactic"}
        Frame of ``lon_0`` and ``lat_0``. Default: "icrs".
    **kwargs
        Values of parameters.
    """

    _type: ClassVar[str] = "spatial"
    default_frame: ClassVar[str] = "icrs"
    _file_keys: ClassVar[tuple[str, ...]] = ("frame",)

    def __init__(self, frame: str | None = None, **kwargs: Any) -> None:
        frame = frame or self.default_frame
        if frame not in _FRAMES:
            raise InputError(f"the frame of {type(self).__name__} is {frame!r}: expected one of {_FRAMES}")
        self.frame = frame
        super().__init__(**kwargs)

    @classmethod
    def from_position(cls, position: SkyCoord, **kwargs: Any) -> Self:
        """Return a model centred on a position, in the frame of that position if it is known here."""
        frame = position.frame.name if position.frame.name in _FRAMES else "icrs"
        spherical = position.transform_to(frame).spherical
        return cls(frame=frame, lon_0=spherical.lon.to("deg"), lat_0=spherical.lat.to("deg"), **kwargs)

    @property
    def position(self) -> SkyCoord | None:
        """Centre, or None where there is none."""
        from astropy.coordinates import SkyCoord

        if "lon_0" not in self._parameter_names:
            return None
        return SkyCoord(self.lon_0.quantity, self.lat_0.quantity, frame=self.frame)  # type: ignore[attr-defined]

    @property
    def evaluation_radius(self) -> u.Quantity | None:
        """Radius of the circle outside which the model is zero, or as good as; None if there is no such circle."""
        return 0 * u.deg

    def evaluate(self, lon: u.Quantity, lat: u.Quantity, *parameters: Any) -> u.Quantity:
        """Return the surface brightness at positions, in 1 / sr."""
        raise NotImplementedError(f"{type(self).__name__} has no surface brightness")

    def __call__(self, lon: u.Quantity, lat: u.Quantity) -> u.Quantity:
        """Return the surface brightness at positions in the model's frame, in 1 / sr."""
        return self.evaluate(lon, lat, *(parameter.quantity for parameter in self.parameters))

    def touches(self, geom: RegionGeom) -> bool:
        """Return whether the support of the model touches the region of a geometry.

        A region that is a point has no extent that a source could lie outside of: every source touches it.

        Parameters
        ----------
        geom : `~gammafold.maps.region_geom.RegionGeom`
            Geometry.
        """
        position, radius = self.position, self.evaluation_radius
        if geom.region is None or geom.is_all_point_sky_regions or position is None or radius is None:
            return True
        if bool(np.all(geom.contains(position))):
            return True
        pixels, _ = geom.get_wcs_coord_and_weights(factor=1)
        nearest = position.separation(pixels.skycoord).min()
        # A region reaches half a pixel beyond the centres of its pixels.
        return bool(radius > 0 and nearest <= radius + 0.71 * geom.binsz_wcs)

    def to_region(self) -> SkyRegion:
        """Return a region on the sky that shows the model."""
        from regions import CircleSkyRegion, PointSkyRegion

        radius = self.evaluation_radius
        if self.position is None or radius is None:
            raise InputError(f"{type(self).__name__} covers the whole sky: there is no region to show it")
        return CircleSkyRegion(self.position, radius) if radius > 0 else PointSkyRegion(self.position)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as a dict, with its frame."""
        content = super().to_dict(full_output)
        if self._parameter_names and "lon_0" in self._parameter_names:
            content[self._type]["frame"] = self.frame
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from `to_dict`."""
        content = data.get(cls._type, data)
        return super().from_dict(data, **{"frame": content.get("frame"), **kwargs})


class PointSpatialModel(SpatialModel):
    """A point.

    Parameters
    ----------
    lon_0, lat_0 : quantity
        Position. Defaults: 0 deg.
    frame : {"icrs", "galactic"}
        Default: "icrs".
    """

    tag = ("PointSpatialModel", "point")
    lon_0 = Parameter("lon_0", "0 deg")
    lat_0 = Parameter("lat_0", "0 deg", min=-90, max=90)


class ConstantSpatialModel(SpatialModel):
    """The same brightness all over the sky.

    Parameters
    ----------
    value : quantity
        Brightness. Default: 1 / sr.
    """

    tag = ("ConstantSpatialModel", "const")
    value = Parameter("value", "1 sr-1", frozen=True)

    @property
    def evaluation_radius(self) -> u.Quantity | None:
        """None: the model covers the sky."""
        return None

    def evaluate(self, lon: u.Quantity, lat: u.Quantity, value: u.Quantity) -> u.Quantity:
        """Return the brightness."""
        return np.broadcast_to(value, np.broadcast(lon, lat).shape, subok=True)


class GaussianSpatialModel(SpatialModel):
    """A normal distribution on the sphere.

    ``f = N exp(-(1 - cos d) / (2 (1 - cos s)))`` at the distance ``d`` from the centre, normalised over the sphere;
    ``s`` is the width in the direction of the position. For small widths it is the normal distribution of the plane.

    Parameters
    ----------
    lon_0, lat_0 : quantity
        Centre. Defaults: 0 deg.
    sigma : quantity
        Width along the major axis. Default: 1 deg.
    e : float
        Eccentricity. Default: 0.
    phi : quantity
        Position angle of the major axis, east of north. Default: 0 deg.
    frame : {"icrs", "galactic"}
        Default: "icrs".
    """

    tag = ("GaussianSpatialModel", "gauss")
    lon_0 = Parameter("lon_0", "0 deg")
    lat_0 = Parameter("lat_0", "0 deg", min=-90, max=90)
    sigma = Parameter("sigma", "1 deg", min=0)
    e = Parameter("e", 0, min=0, max=1, frozen=True)
    phi = Parameter("phi", "0 deg", min=-180, max=180, frozen=True)

    @property
    def evaluation_radius(self) -> u.Quantity:
        """Five widths: outside are 4e-6 of the source."""
        return 5 * self.sigma.quantity

    def evaluate(
        self,
        lon: u.Quantity,
        lat: u.Quantity,
        lon_0: u.Quantity,
        lat_0: u.Quantity,
        sigma: u.Quantity,
        e: Any,
        phi: Any,
    ) -> u.Quantity:
        """Return the surface brightness."""
        distance, angle = _polar(lon, lat, lon_0, lat_0)
        minor = sigma * np.sqrt(1 - np.square(e))
        along, across = np.cos(angle - phi) / sigma, np.sin(angle - phi) / minor
        width = 1 / np.hypot(along, across)
        # 1 - cos x = 2 sin^2(x / 2) keeps its digits for small angles.
        a = 2 * np.sin(width / 2) ** 2
        effective = 2 * np.sin(np.sqrt(sigma * minor) / 2) ** 2
        norm = 1 / (4 * np.pi * effective * -np.expm1(-1 / effective))
        return norm * np.exp(-(np.sin(distance / 2) ** 2) / a) / u.sr


class DiskSpatialModel(SpatialModel):
    """A disk of constant brightness, with a soft edge.

    Parameters
    ----------
    lon_0, lat_0 : quantity
        Centre. Defaults: 0 deg.
    r_0 : quantity
        Radius along the major axis. Default: 1 deg.
    e : float
        Eccentricity. Default: 0.
    phi : quantity
        Position angle of the major axis, east of north. Default: 0 deg.
    edge_width : float
        Width of the edge as a fraction of the radius. Default: 0.01.
    frame : {"icrs", "galactic"}
        Default: "icrs".
    """

    tag = ("DiskSpatialModel", "disk")
    lon_0 = Parameter("lon_0", "0 deg")
    lat_0 = Parameter("lat_0", "0 deg", min=-90, max=90)
    r_0 = Parameter("r_0", "1 deg", min=0)
    e = Parameter("e", 0, min=0, max=1, frozen=True)
    phi = Parameter("phi", "0 deg", min=-180, max=180, frozen=True)
    edge_width = Parameter("edge_width", 0.01, min=0, max=1, frozen=True)

    @property
    def evaluation_radius(self) -> u.Quantity:
        """Radius with the edge."""
        return self.r_0.quantity * (1 + self.edge_width.value)

    def evaluate(
        self,
        lon: u.Quantity,
        lat: u.Quantity,
        lon_0: u.Quantity,
        lat_0: u.Quantity,
        r_0: u.Quantity,
        e: Any,
        phi: Any,
        edge_width: Any,
    ) -> u.Quantity:
        """Return the surface brightness."""
        distance, angle = _polar(lon, lat, lon_0, lat_0)
        minor = r_0 * np.sqrt(1 - np.square(e))
        radius = 1 / np.hypot(np.cos(angle - phi) / r_0, np.sin(angle - phi) / minor)
        area = np.pi * (2 * np.sin(np.sqrt(r_0 * minor) / 2)) ** 2
        position = ((distance - radius) / radius).to_value("")
        # Half of the light of the edge lies inside the radius.
        profile = np.clip(0.5 - position / np.maximum(float(edge_width), 1e-12), 0, 1)
        return profile / area / u.sr


def _polar(lon: u.Quantity, lat: u.Quantity, lon_0: u.Quantity, lat_0: u.Quantity) -> tuple[u.Quantity, u.Quantity]:
    """Return the distances from a centre, and the position angles seen from there, in rad."""
    from astropy.coordinates import angular_separation, position_angle

    distance = u.Quantity(angular_separation(lon, lat, lon_0, lat_0), u.rad)
    return distance, u.Quantity(position_angle(lon_0, lat_0, lon, lat), u.rad)
