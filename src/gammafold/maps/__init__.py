"""Maps on regions: axes, geometries and data with units."""

from gammafold.maps.axes import MapAxes
from gammafold.maps.axis import MapAxis
from gammafold.maps.coord import MapCoord
from gammafold.maps.core import Map
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.maps.time_axis import TimeMapAxis

__all__ = ["LabelMapAxis", "Map", "MapAxes", "MapAxis", "MapCoord", "RegionGeom", "RegionNDMap", "TimeMapAxis"]
