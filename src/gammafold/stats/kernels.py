"""Statistics of binned counts, as functions of the predicted counts alone.

A kernel holds data (K,), or a batch of data (N, K), and what depends on them alone is computed once. Its methods
take predictions ``mu`` of shape (..., K) and broadcast:

``per_bin``
    The statistic of each bin with the constants that the field uses.
``deviance``, ``offset``
    The sum over bins, with a term of the data taken out so that it is zero at the best possible model and no
    digits are lost; ``per_bin(mu).sum() = deviance(mu) + offset``.
``gradient``, ``curvature``, ``fisher``
    First, second, and expected second derivative of the statistic with respect to ``mu``.

A prediction that is impossible (no counts predicted where some were seen, or less than none) is +inf; nothing
is clipped. Nothing is checked here: public functions and datasets do that.
"""

from __future__ import annotations

from gammafold.stats.asymmetric_kernel import AsymmetricChi2Statistic
from gammafold.stats.cash_kernel import CashStatistic, CStatistic
from gammafold.stats.chi2_kernel import Chi2ModelStatistic, Chi2Statistic
from gammafold.stats.pgstat_kernel import PGStatistic
from gammafold.stats.profile_kernel import ProfileStatistic
from gammafold.stats.wstat_kernel import WStatistic

__all__ = [
    "AsymmetricChi2Statistic",
    "CStatistic",
    "CashStatistic",
    "Chi2ModelStatistic",
    "Chi2Statistic",
    "PGStatistic",
    "ProfileStatistic",
    "WStatistic",
]
