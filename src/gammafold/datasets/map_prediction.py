"""What a dataset on a region predicts, and how that compares with its counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets import operations
from gammafold.datasets.door import compile_likelihood
from gammafold.datasets.evaluator import NpredEvaluator
from gammafold.datasets.folding import region_spec, split_models
from gammafold.datasets.info import cash_significance, gauss_significance, info_dict
from gammafold.datasets.map_parts import MapParts
from gammafold.datasets.statistics import KNOWN_BACKGROUND, StatType, kernel_of
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, UnknownNameError
from gammafold.utils.random import RandomStateLike, get_random_state

if TYPE_CHECKING:
    from gammafold.likelihood.likelihood import Likelihood
    from gammafold.likelihood.spec import DatasetSpec
    from gammafold.modeling.parameter import Parameter

__all__ = ["MapPrediction"]


class MapPrediction(MapParts):
    """Predictions and statistic of a dataset on a region: the second base of `MapDataset`."""

    stat_type: Any = StatType(KNOWN_BACKGROUND)
    # What to add to the message that there is no background map.
    background_hint = ""

    # -- the door

    def to_spec(
        self,
        models: Sequence[Any],
        position: Callable[[Iterable[Parameter]], tuple[int, ...]],
        flux: Callable[[Any], Any],
        masked: bool,
    ) -> DatasetSpec:
        """Return the arrays of this dataset as the engine takes them: see `Dataset.to_spec`."""
        return region_spec(self, models, position, flux, masked)

    def statistic(self, keep: np.ndarray) -> Any:
        """Return the statistic of the bins ``keep``, or None without counts."""
        return None if self.counts is None else kernel_of(self, keep)

    def background_template(self) -> np.ndarray | None:
        """Return the expected background before any model, shape ``(n,)``, or None."""
        return None if self.background is None else _flat(self.background)

    def _predict(self, plan: Likelihood) -> RegionNDMap:
        npred = plan.npred(self._cache.theta())[self.name]
        return RegionNDMap(self.geom, data=np.array(npred, dtype=float).reshape(self.data_shape))

    def significance(self, bins: np.ndarray) -> float:
        """Return the significance of the excess summed over ``bins``, NaN without background."""
        if self.counts is None or self.background is None:
            return np.nan
        counts, background = (_flat(held, bins).sum() for held in (self.counts, self.background))
        if self.counts_error is not None:
            return gauss_significance(counts - background, _flat(self.counts_error, bins))
        return cash_significance(counts, background)

    # -- predictions and statistic

    @property
    def background_model(self) -> Any:
        """The background model that applies to this dataset, or None."""
        background = split_models(self.models or ())[1]
        return background[0] if background else None

    @property
    def evaluators(self) -> dict[str, NpredEvaluator]:
        """For each model of the sky, by name, an object with `compute_npred`."""
        sky, _ = split_models(self.models or ())
        return {model.name: NpredEvaluator(model, self) for model in sky}

    @property
    def excess(self) -> RegionNDMap:
        """Counts minus background, all bins.

        Raises
        ------
        InputError
            If there are no counts, or no background.
        """
        if self.counts is None or self.background is None:
            missing = "counts" if self.counts is None else "background"
            raise InputError(f"dataset {self.name!r} has no {missing}: its excess is unknown")
        self.check_parts()
        return RegionNDMap(self.geom, data=self.counts.data - self.background.data)

    def npred(self) -> RegionNDMap:
        """Return the predicted counts, signal and background, of all bins."""
        return self._predict(self._cache.plan([self], masked=False))

    def npred_signal(self, model: Any = None, model_names: Any = None, stack: bool = True) -> Any:
        """Return the predicted counts of the sky models, of all bins.

        Parameters
        ----------
        model : SkyModel, optional
            One of the models of the dataset: only its counts. Default: the sum over all models.
        model_names : str or list of str, optional
            The same by name.
        stack : bool
            Whether to sum over the models. If False, the result has an axis "models" more.

        Returns
        -------
        npred : `~gammafold.maps.RegionNDMap`
            Shape ``(n, 1, 1)``, or ``(models, n, 1, 1)``.

        Raises
        ------
        UnknownNameError
            If the dataset has no such model.
        """
        sky = self._chosen(model, model_names)
        if not stack:
            return operations.models_map(self, [(one.name, self._npred_of([one])) for one in sky])
        everything = model is None and model_names is None
        return self._signal_map(self._cache.plan([self], masked=False)) if everything else self._npred_of(sky)

    def _npred_of(self, models: Sequence[Any]) -> RegionNDMap:
        # The plan of all models says which values the parameters have.
        self._cache.plan([self], masked=False)
        return self._signal_map(compile_likelihood([self], masked=False, models=models))

    def _signal_map(self, plan: Likelihood) -> RegionNDMap:
        signal = plan.npred_signal(self._cache.theta())[self.name]
        return RegionNDMap(self.geom, data=np.array(signal, dtype=float).reshape(self.data_shape))

    def _chosen(self, model: Any, names: Any) -> list[Any]:
        sky, _ = split_models(self.models or ())
        if model is None and names is None:
            return sky
        known = {one.name: one for one in sky}
        if model is not None and not isinstance(model, str):
            if not any(model is one for one in sky):
                raise UnknownNameError(f"dataset {self.name!r} has no such model: {model!r}; it has {list(known)}")
            return [model]
        wanted = [model] if model is not None else [names] if isinstance(names, str) else list(names)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise UnknownNameError(f"dataset {self.name!r} has no model {unknown}: it has {list(known)}")
        return [known[name] for name in wanted]

    def npred_background(self) -> RegionNDMap | None:
        """Return the predicted background counts of all bins, the background model applied; None without any."""
        if self.background is None:
            return None
        background_models = split_models(self.models or ())[1]
        if not background_models:
            self.check_parts()
            return self.background.copy()
        self._cache.plan([self], masked=False)
        return self._predict(compile_likelihood([self], masked=False, models=background_models))

    def stat_array(self) -> np.ndarray:
        """Return the statistic per bin at the current parameters, shape ``(n, 1, 1)``, masks ignored."""
        keep = np.ones(self.reco_energy_axis.nbin, dtype=bool)
        statistic = self.statistic(keep)
        if statistic is None:
            raise InputError(f"dataset {self.name!r} has no counts: it has no statistic")
        npred = self._cache.plan([self], masked=False).npred(self._cache.theta())[self.name]
        return np.asarray(statistic.per_bin(npred)).reshape(self.data_shape)

    def residuals(self, method: str = "diff") -> RegionNDMap:
        """Return the difference of counts and prediction, of all bins.

        Parameters
        ----------
        method : {"diff", "diff/model", "diff/sqrt(model)"}
            Counts minus prediction, or that divided by the prediction, or by its square root. Where both are
            zero the result is zero; where only the prediction is, NaN. Default: "diff".
        """
        if self.counts is None:
            raise InputError(f"dataset {self.name!r} has no counts: it has no residuals")
        return operations.residuals_map(self.counts, self.npred(), method)

    def fake(self, random_state: RandomStateLike = "random-seed") -> None:
        """Replace the counts, in place, by a Poisson draw from the prediction of all bins.

        Counts that have gaussian errors (``counts_error``) are drawn with these.

        Parameters
        ----------
        random_state : int, "random-seed", "global-rng", RandomState or Generator
            A seed gives the same counts as it does in other packages.

        Raises
        ------
        InputError
            If a bin is predicted negative or infinite.
        """
        random = get_random_state(random_state)
        drawn: np.ndarray
        if self.counts_error is not None:
            drawn = random.normal(self.npred().data, self.counts_error.data)
        else:
            drawn = random.poisson(self._drawable(self.npred()).data)
        self.counts = RegionNDMap(self.geom, data=drawn.astype(float))

    def _drawable(self, npred: RegionNDMap) -> RegionNDMap:
        if not (np.isfinite(npred.data) & (npred.data >= 0)).all():
            raise InputError(
                f"dataset {self.name!r} predicts negative or infinite counts: "
                f"{npred.data.reshape(-1)}; no Poisson number can be drawn"
            )
        return npred

    def info_dict(self, in_safe_data_range: bool = True) -> dict[str, Any]:
        """Return a summary, summed over energy.

        Parameters
        ----------
        in_safe_data_range : bool
            Whether to sum the safe bins only. Default: True. ``stat_sum`` and ``n_fit_bins`` always obey both
            masks.

        Returns
        -------
        info : dict
            name, counts, background, excess, sqrt_ts, npred, npred_background, npred_signal, exposure_min,
            exposure_max, livetime, ontime, counts_rate, background_rate, excess_rate, n_bins, n_fit_bins,
            stat_type, stat_sum. What is unknown is NaN, with its unit.
        """
        return info_dict(self, in_safe_data_range)


def _flat(region_map: RegionNDMap, keep: np.ndarray | None = None) -> np.ndarray:
    values = np.array(region_map.data, dtype=float).reshape(-1)
    return values if keep is None else values[keep]
