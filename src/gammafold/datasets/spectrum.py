"""`SpectrumDataset`: counts of one region against energy, with the Cash statistic."""

from __future__ import annotations

from typing import Any

from gammafold.datasets.map_dataset import MapDataset

__all__ = ["SpectrumDataset"]


class SpectrumDataset(MapDataset):
    """Counts spectrum with models, background and response.

    The statistic is that of Cash (1979, ApJ 228, 939): ``2 (npred - counts ln npred)`` per bin. Where the
    background is measured in off regions, `SpectrumDatasetOnOff` is the right class.

    Parameters
    ----------
    models : Models, list of models or a model, optional
        Models to fold; those that name no datasets or this one apply.
    counts : `~gammafold.maps.RegionNDMap`, optional
        Counts on the axis "energy", shape ``(n, 1, 1)``.
    exposure : `~gammafold.maps.RegionNDMap`, optional
        Effective area times live time on the axis "energy_true", shape ``(t, 1, 1)``.
    background : `~gammafold.maps.RegionNDMap`, optional
        Expected background counts on the axis "energy".
    edisp : EDispKernelMap, EDispMap or EDispKernel, optional
        Energy dispersion.
    mask_safe, mask_fit : `~gammafold.maps.RegionNDMap` of bool, optional
        Safe bins, and bins to fit; unset means all.
    name : str, optional
        Default: a random string of eight characters.
    gti : `~gammafold.data.GTI`, optional
        Good time intervals.
    meta_table : `~astropy.table.Table`, optional
        Observations behind the dataset, one a row.
    psf : PSF map, optional
        Carried along.
    counts_error : `~gammafold.maps.RegionNDMap`, optional
        Gaussian standard deviation of counts that are not Poisson distributed: see `gammafold.datasets.statistics`.

    Examples
    --------
    >>> from gammafold.maps import MapAxis
    >>> axis = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)
    >>> dataset = SpectrumDataset.create(axis, name="empty")
    >>> dataset.data_shape, dataset.stat_type
    ((3, 1, 1), 'cash')
    """

    tag = "SpectrumDataset"

    def __init__(
        self,
        models: Any = None,
        counts: Any = None,
        exposure: Any = None,
        background: Any = None,
        edisp: Any = None,
        mask_safe: Any = None,
        mask_fit: Any = None,
        name: str | None = None,
        gti: Any = None,
        meta_table: Any = None,
        psf: Any = None,
        counts_error: Any = None,
    ) -> None:
        super().__init__(
            models=models,
            counts=counts,
            counts_error=counts_error,
            exposure=exposure,
            background=background,
            psf=psf,
            edisp=edisp,
            mask_safe=mask_safe,
            mask_fit=mask_fit,
            gti=gti,
            meta_table=meta_table,
            name=name,
        )
