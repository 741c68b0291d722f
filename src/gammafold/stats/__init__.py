"""Statistics of counts: what a fit minimises, and significances of an excess."""

from gammafold.stats.counts_statistic import CashCountsStatistic, CountsStatistic, WStatCountsStatistic
from gammafold.stats.fit_statistics import (
    cash,
    chi2,
    cstat,
    get_wstat_gof_terms,
    get_wstat_mu_bkg,
    sigma_to_ts,
    ts_to_sigma,
    wstat,
)

__all__ = [
    "CashCountsStatistic",
    "CountsStatistic",
    "WStatCountsStatistic",
    "cash",
    "chi2",
    "cstat",
    "get_wstat_gof_terms",
    "get_wstat_mu_bkg",
    "sigma_to_ts",
    "ts_to_sigma",
    "wstat",
]
