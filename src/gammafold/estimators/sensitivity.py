"""Sensitivity: the flux that would be seen at a given significance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.counts_statistic import CashCountsStatistic, WStatCountsStatistic
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    import astropy.units as u
    from astropy.table import Table

    from gammafold.maps.region_map import RegionNDMap

__all__ = ["SensitivityEstimator"]

Array = NDArray[np.float64]


class SensitivityEstimator:
    """Estimate the minimum flux that an observation would detect, per bin of reconstructed energy.

    Parameters
    ----------
    spectral_model : SpectralModel, optional
        Shape of the spectrum. Default: a power law of index 2 and amplitude 1e-12 cm-2 s-1 TeV-1 at 1 TeV.
    n_sigma : float
        Significance that is asked for. Default: 5.
    gamma_min : float
        Least number of excess counts. Default: 10.
    bkg_syst_fraction : float
        Least ratio of the excess to the background, for systematic errors of it. Default: 0.05.
    """

    tag = "SensitivityEstimator"

    def __init__(
        self, spectral_model: Any = None, n_sigma: float = 5.0, gamma_min: float = 10, bkg_syst_fraction: float = 0.05
    ) -> None:
        from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel

        if not n_sigma > 0 or not gamma_min >= 0 or not bkg_syst_fraction >= 0:
            raise InputError(
                f"n_sigma, gamma_min and bkg_syst_fraction are {n_sigma}, {gamma_min} and {bkg_syst_fraction}: "
                "expected numbers of zero or more"
            )
        default = PowerLawSpectralModel(index=2, amplitude="1e-12 cm-2 s-1 TeV-1")
        self.spectral_model = default if spectral_model is None else spectral_model
        self.n_sigma, self.gamma_min, self.bkg_syst_fraction = n_sigma, gamma_min, bkg_syst_fraction

    def estimate_min_excess(self, dataset: Any) -> RegionNDMap:
        """Estimate the least excess per bin that would be detected, as a map.

        Parameters
        ----------
        dataset : SpectrumDataset or SpectrumDatasetOnOff
            With a background.
        """
        from gammafold.maps.region_map import RegionNDMap

        if dataset.background is None:
            raise InputError(f"dataset {dataset.name!r} has no background: its sensitivity is unknown")
        background = dataset.background.data.reshape(-1)
        excess = self._significant_excess(dataset, background)
        least = np.maximum(np.maximum(excess, self.gamma_min), self.bkg_syst_fraction * background)
        return RegionNDMap(dataset.geom, data=least.reshape(dataset.data_shape))

    def _significant_excess(self, dataset: Any, background: Array) -> Array:
        if getattr(dataset, "counts_off", None) is None:
            statistic: Any = CashCountsStatistic(n_on=background, mu_bkg=background)
            return np.asarray(statistic.n_sig_matching_significance(self.n_sigma), dtype=float)
        n_off, alpha = dataset.counts_off.data.reshape(-1), dataset.alpha.data.reshape(-1)
        statistic = WStatCountsStatistic(n_on=alpha * n_off, n_off=n_off, alpha=alpha)
        return np.asarray(statistic.n_sig_matching_significance(self.n_sigma), dtype=float)

    def estimate_min_e2dnde(self, excess: RegionNDMap, dataset: Any) -> u.Quantity:
        """Estimate the flux E^2 dN/dE, shape ``(n, 1, 1)``, at which a source has an excess.

        Parameters
        ----------
        excess : RegionNDMap
            Excess per bin, as from `estimate_min_excess`.
        dataset : SpectrumDataset or SpectrumDatasetOnOff
            With an exposure; the flux is NaN where it predicts nothing.
        """
        from gammafold.modeling.models.sky import SkyModel

        trial = dataset.copy(name=f"{dataset.name}-sensitivity")
        trial.models = SkyModel(self.spectral_model.copy(), name="sensitivity")
        predicted = trial.npred_signal().data
        with np.errstate(divide="ignore", invalid="ignore"):
            norm = np.where(predicted > 0, excess.data / predicted, np.nan)
        energy = dataset.reco_energy_axis.center[:, None, None]
        return (norm * self.spectral_model(energy) * energy**2).to("erg cm-2 s-1")

    def run(self, dataset: Any) -> Table:
        """Estimate the sensitivity of a dataset.

        Returns
        -------
        table : `~astropy.table.Table`
            One row for each bin: "e_ref", "e_min", "e_max", "e2dnde" (the least detected), "excess", "background" and
            "criterion", which of "significance", "gamma" and "bkg" decided.
        """
        from astropy.table import Table

        excess = self.estimate_min_excess(dataset)
        axis, background = dataset.reco_energy_axis, dataset.background.data.reshape(-1)
        least = excess.data.reshape(-1)
        return Table(
            {
                "e_ref": axis.center,
                "e_min": axis.edges[:-1],
                "e_max": axis.edges[1:],
                "e2dnde": self.estimate_min_e2dnde(excess, dataset).reshape(-1),
                "excess": least,
                "background": background,
                "criterion": self._criterion(least, background),
            }
        )

    def _criterion(self, excess: Array, background: Array) -> list[str]:
        words = np.full(len(excess), "significance", dtype="<U12")
        words[np.isclose(excess, self.gamma_min)] = "gamma"
        words[np.isclose(excess, self.bkg_syst_fraction * background) & (excess > self.gamma_min)] = "bkg"
        return words.tolist()
