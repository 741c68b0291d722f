"""An ordered, named collection of datasets that are fitted together."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.data.gti import GTI
from gammafold.datasets.door import PlanCache, unique_models
from gammafold.datasets.files_methods import CollectionFiles
from gammafold.datasets.fit_checks import require_exposure, tell_of_strangers
from gammafold.datasets.plot_collection import CollectionPlots
from gammafold.datasets.stack import stack_into
from gammafold.modeling.models.collection import DatasetModels
from gammafold.utils.errors import InputError, InputTypeError, UnknownNameError
from gammafold.utils.random import get_random_state

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.units import Quantity

    from gammafold.likelihood.likelihood import Likelihood
    from gammafold.modeling.parameter import Parameters

__all__ = ["Datasets"]


class Datasets(CollectionPlots, CollectionFiles, MutableSequence):
    """Datasets with unique names, in order, and their joint likelihood.

    Parameters
    ----------
    datasets : Datasets, iterable of Dataset, or Dataset, optional
        The members. Default: none.

    Raises
    ------
    InputTypeError
        If a member is no dataset.
    InputError
        If two members have the same name.

    Examples
    --------
    >>> from gammafold.datasets import SpectrumDatasetOnOff
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> datasets.names
    ['23523', '23526', '23559', '23592']
    >>> int(sum(dataset.counts.data.sum() for dataset in datasets))
    698
    """

    def __init__(self, datasets: Any = None) -> None:
        single = hasattr(datasets, "stat_sum") and not isinstance(datasets, Datasets)
        members = [] if datasets is None else [datasets] if single else datasets
        if not isinstance(members, Iterable):
            raise InputTypeError(f"datasets is {datasets!r}: expected a Dataset or several of them")
        self._datasets: list[Any] = []
        self._cache = PlanCache()
        for member in members:
            self.append(member)

    # -- a list, addressed by index or by name

    @property
    def names(self) -> list[str]:
        """Names of the members, in order."""
        return [dataset.name for dataset in self._datasets]

    def __len__(self) -> int:
        return len(self._datasets)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._datasets)

    def __contains__(self, item: object) -> bool:
        return any(item is dataset or item == dataset.name for dataset in self._datasets)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return Datasets(self._datasets[key])
        if isinstance(key, list | tuple | np.ndarray):
            chosen = np.flatnonzero(key) if np.asarray(key).dtype == bool else key
            return Datasets([self[item] for item in chosen])
        return self._datasets[self.index(key)]

    def __setitem__(self, key: Any, dataset: Any) -> None:
        index = self.index(key)
        self._require_new(dataset, [name for i, name in enumerate(self.names) if i != index])
        self._datasets[index] = dataset

    def __delitem__(self, key: Any) -> None:
        del self._datasets[key if isinstance(key, slice) else self.index(key)]

    def insert(self, index: int, dataset: Any) -> None:
        """Insert a dataset before ``index``."""
        self._require_new(dataset, self.names)
        self._datasets.insert(index, dataset)

    def reverse(self) -> None:
        """Reverse the order, in place."""
        # Swapping one by one, as the base class does, would make names equal on the way.
        self._datasets.reverse()

    def pop(self, key: Any = -1) -> Any:
        """Remove a dataset, given by index or name, and return it."""
        return self._datasets.pop(self.index(key))

    def index(self, key: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the position of a dataset, given by itself, its name or its index.

        Raises
        ------
        UnknownNameError
            If there is no dataset of that name.
        """
        if isinstance(key, str):
            names = self.names
            if key not in names[start:stop]:
                raise UnknownNameError(f"no dataset {key!r}: there are {names}")
            return names.index(key, start)
        if isinstance(key, int | np.integer):
            return range(len(self._datasets))[int(key)]
        for i, dataset in enumerate(self._datasets):
            if dataset is key:
                return i
        raise UnknownNameError(f"no such dataset among {self.names}: {key!r}")

    def _require_new(self, dataset: Any, names: Sequence[str]) -> None:
        if not hasattr(dataset, "stat_sum") or not hasattr(dataset, "name") or isinstance(dataset, Datasets):
            raise InputTypeError(f"{type(dataset).__name__} is no dataset: expected a Dataset")
        if dataset.name in names:
            raise InputError(f"a dataset {dataset.name!r} is already there: names must be unique")

    def _require_ability(self, ability: str, operation: str) -> None:
        """Raise before anything is done if a member lacks what an operation on all of them needs."""
        unable = [dataset for dataset in self._datasets if not hasattr(dataset, ability)]
        if unable:
            kinds = {dataset.name: type(dataset).__name__ for dataset in unable}
            raise InputTypeError(f"{operation} is for spectra: these datasets are none: {kinds}")

    def copy(self) -> Datasets:
        """Return a deep copy; parameters that are linked stay linked among the copies."""
        return copy.deepcopy(self)

    # -- models and parameters

    @property
    def models(self) -> DatasetModels:
        """Models of all members, each once, in the order of first appearance.

        Each member takes those that apply to it; a warning tells of one that names datasets, and none of these.
        """
        return unique_models(self._datasets)

    @models.setter
    def models(self, models: Any) -> None:
        # One collection is made, and checked, for all.
        shared = None if models is None else DatasetModels(models)
        for dataset in self._datasets:
            dataset.models = shared
        if shared and self._datasets:
            tell_of_strangers(shared, self.names)

    @property
    def parameters(self) -> Parameters:
        """Parameters of the models; linked parameters appear once per model."""
        return self.models.parameters

    # -- the joint likelihood

    def likelihood(self) -> Likelihood:
        """Return the compiled joint likelihood of the members, inside their masks.

        The likelihood is a function of the free parameters (``likelihood.names``, in the order of
        ``parameters.unique_parameters``) or of a batch of such vectors. It is immutable and costs nothing but
        its arithmetic: hand it to an optimiser or sampler of your own. Changing the datasets later does not
        change it; ask again.

        Returns
        -------
        likelihood : `~gammafold.likelihood.likelihood.Likelihood`
            ``stat``, ``gradient``, ``fisher``, ``npred``, ... of ``theta``, shape ``(p,)`` or ``(N, p)``.

        Examples
        --------
        >>> from gammafold.datasets import SpectrumDatasetOnOff
        >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
        >>> from gammafold.samples import sample_files
        >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
        >>> datasets.models = SkyModel(PowerLawSpectralModel(), name="crab")
        >>> likelihood = datasets.likelihood()
        >>> print(f"{float(likelihood.stat([2.699650, 4.579480e-11])):.4f}")
        156.9927
        """
        return self._cache.likelihood(self._datasets)

    def stat_sum(self) -> float:
        """Return the joint statistic inside the masks; priors are counted once."""
        return self._cache.stat(self._datasets)

    def require_exposure(self) -> None:
        """Raise `FitError` if a member has models of the sky and bins to fit, but no exposure.

        Such a member has no say in a fit, and alone it leaves every parameter where it starts.
        """
        signals = self.likelihood().npred_signal(self._cache.theta())
        require_exposure([dataset for dataset in self._datasets if not signals[dataset.name].any()])

    def fake(self, random_state: Any = "random-seed") -> None:
        """Replace the counts of all members, in place, by one Poisson draw from their predictions.

        On-off members get off counts too. For many draws, with a fit of each, see
        `gammafold.ensemble.simulate_and_fit`.

        Parameters
        ----------
        random_state : int, "random-seed", "global-rng", RandomState or Generator
            One stream of random numbers, from which the members draw one after the other.
        """
        self._require_ability("fake", "fake")
        random = get_random_state(random_state)
        for dataset in self._datasets:
            dataset.fake(random_state=random)

    # -- what the members are

    @property
    def is_all_same_type(self) -> bool:
        """True if all members are of one class."""
        return len({type(dataset) for dataset in self._datasets}) <= 1

    @property
    def is_all_same_shape(self) -> bool:
        """True if all members have data of one shape."""
        return len({dataset.data_shape for dataset in self._datasets}) <= 1

    @property
    def is_all_same_energy_shape(self) -> bool:
        """True if all members have as many bins in energy."""
        return len({dataset.data_shape[0] for dataset in self._datasets}) <= 1

    @property
    def energy_axes_are_aligned(self) -> bool:
        """True if the energy axes of all members have the same bins."""
        self._require_ability("geoms", "energy_axes_are_aligned")
        axes = [dataset.geoms["geom"].axes["energy"] for dataset in self._datasets]
        return all(axis.nbin == axes[0].nbin and axis.is_allclose(axes[0]) for axis in axes)

    @property
    def gti(self) -> GTI | None:
        """Union of the good time intervals of the members; None if no member has any."""
        members = [dataset.gti for dataset in self._datasets if dataset.gti is not None]
        return GTI.from_stack(members).union() if members else None

    @property
    def meta_table(self) -> Table | None:
        """Tables of observations of the members, below each other; None if no member has any."""
        from astropy.table import vstack

        tables = [dataset.meta_table for dataset in self._datasets if dataset.meta_table is not None]
        return vstack(tables, metadata_conflicts="silent").copy() if tables else None

    @property
    def energy_ranges(self) -> tuple[Quantity, Quantity]:
        """Lowest and highest energies inside the safe masks, one per member; NaN where nothing is safe."""
        import astropy.units as u

        ranges = u.Quantity([dataset.energy_range for dataset in self._datasets])
        return ranges[:, 0], ranges[:, 1]

    # -- operations

    def select(self, **attributes: Any) -> Datasets:
        """Return the members whose attributes equal the given values, or are among a given list.

        Examples
        --------
        >>> from gammafold.datasets import SpectrumDatasetOnOff
        >>> from gammafold.samples import sample_files
        >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
        >>> datasets.select(name=["23523", "23559"]).names
        ['23523', '23559']
        """
        return Datasets(
            dataset
            for dataset in self._datasets
            if all(_matches(getattr(dataset, name), wanted) for name, wanted in attributes.items())
        )

    def slice_by_energy(self, energy_min: Any = None, energy_max: Any = None) -> Datasets:
        """Return the members cut to an energy range, under their names.

        A member that has no bin in the range is left out.

        Raises
        ------
        InputTypeError
            If a member cannot be cut, as flux points.
        """
        self._require_ability("slice_by_energy", "slice_by_energy")
        sliced = []
        for dataset in self._datasets:
            if dataset.has_energy_bins(energy_min, energy_max):
                sliced.append(dataset.slice_by_energy(energy_min, energy_max, name=dataset.name))
        return Datasets(sliced)

    def to_spectrum_datasets(self, region: Any) -> Datasets:
        """Return the spectra of the members in a region."""
        return Datasets(dataset.to_spectrum_dataset(on_region=region, name=dataset.name) for dataset in self._datasets)

    def stack_reduce(self, name: str | None = None, nan_to_num: bool = True) -> Any:
        """Return all members stacked into one dataset.

        Parameters
        ----------
        name : str, optional
            Name of the result.
        nan_to_num : bool
            Accepted for scripts; datasets hold no NaN.

        Raises
        ------
        InputError
            If there is no member, or the members are not of one type.
        InputTypeError
            If the members cannot be stacked, as flux points.
        """
        if not self._datasets:
            raise InputError("no datasets: there is nothing to stack")
        if not self.is_all_same_type:
            kinds = sorted({type(dataset).__name__ for dataset in self._datasets})
            raise InputError(f"cannot stack datasets of different types: {kinds}")
        self._require_ability("stack", "stack_reduce")
        first, *others = self._datasets
        stacked = first.to_masked(name=name)
        if others:
            stack_into(stacked, *others)
        return stacked

    def info_table(self, cumulative: bool = False) -> Table:
        """Return a table of `info_dict` of the members.

        Parameters
        ----------
        cumulative : bool
            Whether row ``i`` describes the stack of the first ``i + 1`` members, as for a significance that
            grows with time. Default: False.
        """
        from gammafold.datasets.info import info_table

        if cumulative:
            self._require_ability("stack", "info_table(cumulative=True)")
        return info_table(self._datasets, cumulative)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{dataset.name}: {type(dataset).__name__}" for dataset in self._datasets)
        return f"<Datasets of {len(self)}: {kinds}>"

    def __str__(self) -> str:
        lines = [f"Datasets of {len(self)}"]
        for i, dataset in enumerate(self._datasets):
            models = dataset.models
            names = ", ".join(models.names) if models is not None else "none"
            lines.append(f"  {i:3d}  {dataset.name}  {type(dataset).__name__}  models: {names}")
        return "\n".join(lines)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": PlanCache()}


def _matches(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | tuple | set) and not isinstance(value, list | tuple):
        return value in wanted
    return bool(value == wanted)


def as_datasets(datasets: Iterable[Any] | Any) -> Datasets:
    """Return datasets, a list of them, or one of them as a collection."""
    return datasets if isinstance(datasets, Datasets) else Datasets(datasets)
