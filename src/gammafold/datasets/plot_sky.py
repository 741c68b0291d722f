"""The region of a dataset on the sky, coloured by its residual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.plot_spectrum import RESIDUAL_LABELS, summed_residual
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_shapes import pixel_extent
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from astropy.visualization.wcsaxes import WCSAxes

__all__ = ["plot_residuals_spatial", "require_inside"]

SMOOTH_KERNELS = ("gauss", "box")
# Pixels across the coloured region: its outline hides the steps of the image.
RESOLUTION = 400


def require_inside(dataset: Any, region: Any) -> None:
    """Raise an error unless ``region`` is None or holds the centre of the region of the dataset."""
    if region is None:
        return
    geom = dataset.geom
    if geom.region is None:
        raise InputError(f"dataset {dataset.name!r} has no region on the sky: leave region out")
    if not np.all(RegionGeom.create(region, wcs=geom.wcs).contains(geom.center_skydir)):
        raise InputError(
            f"region {region!r} does not hold the region of dataset {dataset.name!r} at "
            f"{geom.center_skydir.to_string('decimal')} deg: nothing else can be extracted"
        )


def plot_residuals_spatial(
    dataset: Any, ax: Any = None, method: str = "diff", smooth_kernel: str = "gauss", **kwargs: Any
) -> WCSAxes:
    """See `DatasetPlots.plot_residuals_spatial`."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    if smooth_kernel not in SMOOTH_KERNELS:
        raise InputError(f"smooth_kernel is {smooth_kernel!r}: expected one of {list(SMOOTH_KERNELS)}")
    value, sigma = summed_residual(dataset, method)
    if dataset.geom.region is None:
        raise InputError(f"dataset {dataset.name!r} has no region on the sky: there is nothing to colour")
    geom = dataset.geom.to_image()
    limit = float(np.nanmax([5 * sigma, abs(value), 1e-300]))
    style: dict[str, Any] = {"cmap": "RdBu_r", "interpolation": "nearest", "zorder": 1} | kwargs
    if "norm" not in style:
        style["norm"] = Normalize(style.pop("vmin", -limit), style.pop("vmax", limit))
    colors = ScalarMappable(norm=style["norm"], cmap=style["cmap"])
    point = {"marker": "o", "markersize": 12, "markeredgecolor": "black", "color": colors.to_rgba(np.array(value))}
    ax = geom.plot_region(ax, edgecolor="black", kwargs_point=point)
    limits = {"xlim": ax.get_xlim(), "ylim": ax.get_ylim()}
    if not geom.is_all_point_sky_regions:
        _colour(ax, geom, value, **style)
    ax.set(**limits)  # an image would cut the picture to its own edges
    bar = ax.figure.colorbar(colors, ax=ax, label=f"Residual: {RESIDUAL_LABELS[method]}")
    bar.ax.axhline(value, color="black", linewidth=1.5)
    return ax


def _colour(ax: WCSAxes, geom: RegionGeom, value: float, **style: Any) -> None:
    """Draw an image that has a value in the region, and none outside."""
    left, right, bottom, top = pixel_extent(geom.region, ax.wcs)
    x = left + (right - left) * (np.arange(RESOLUTION) + 0.5) / RESOLUTION
    y = bottom + (top - bottom) * (np.arange(RESOLUTION) + 0.5) / RESOLUTION
    inside = geom.contains(ax.wcs.pixel_to_world(*np.meshgrid(x, y)))
    image = np.where(np.asarray(inside).reshape(RESOLUTION, RESOLUTION), value, np.nan)
    ax.imshow(image, extent=(left, right, bottom, top), **({"origin": "lower"} | style))
