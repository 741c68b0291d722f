"""The pages about fits and likelihoods, run as they stand."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(("page", "imports"), [("inference.rst", None), ("likelihood.rst", "emcee")])
def test_page(page, imports):
    if imports is not None:
        pytest.importorskip(imports)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, attempted = doctest.testfile(str(DOCS / page), module_relative=False, optionflags=flags, encoding="utf-8")
    assert attempted > 20
    assert failed == 0
