"""Labels for linked parameters, as files and tables show them.

In memory a link is nothing but one parameter object used twice. A file needs a word for it: the parameters
that carry the same label are one. Labels depend on names and order alone, so that the same models give the
same file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gammafold.modeling.parameter import Parameter

__all__ = ["labelled", "link_labels"]


def link_labels(parameters: Iterable[tuple[Parameter, str]]) -> dict[int, str]:
    """Return the label of each parameter that appears more than once, by its ``id``.

    Parameters
    ----------
    parameters : iterable of (Parameter, str)
        Parameters with the names of their models.

    Returns
    -------
    labels : dict
        ``"index@crab"`` for a parameter that first appears in the model "crab"; a number follows where that
        label is taken.
    """
    pairs = list(parameters)
    times = Counter(id(parameter) for parameter, _ in pairs)
    labels: dict[int, str] = {}
    taken: Counter[str] = Counter()
    for parameter, model in pairs:
        if times[id(parameter)] > 1 and id(parameter) not in labels:
            label = f"{parameter.name}@{model or 'model'}"
            taken[label] += 1
            labels[id(parameter)] = label if taken[label] == 1 else f"{label}-{taken[label]}"
    return labels


@contextmanager
def labelled(parameters: Iterable[tuple[Parameter, str]]) -> Iterator[None]:
    """Let linked parameters carry their labels while they are written.

    Labels that a collection has given to its parameters stay while its members are written.
    """
    pairs = [(parameter, model) for parameter, model in parameters if parameter.link is None]
    labels = link_labels(pairs)
    try:
        for parameter, _ in pairs:
            parameter.link = labels.get(id(parameter))
        yield
    finally:
        for parameter, _ in pairs:
            parameter.link = None
