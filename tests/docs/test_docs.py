"""The documentation is true: its scripts run, its pages exist, and its commands are commands."""

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from gammafold.cli.main import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
PAGES = sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plt.close("all")
    runpy.run_path(str(script), run_name="__main__")
    drawn = [plt.figure(number) for number in plt.get_fignums()]
    assert drawn or capsys.readouterr().out
    for figure in drawn:
        assert any(ax.has_data() for ax in figure.axes)
        figure.canvas.draw()
    plt.close("all")
    assert not list(tmp_path.iterdir())


def test_every_example_is_on_a_page():
    shown = {name for page in PAGES for name in re.findall(r"examples/(\w+\.py)", page.read_text())}
    assert shown == {script.name for script in EXAMPLES}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_pages_name_what_is_there(page):
    text = page.read_text()
    for name in re.findall(r"gammafold ([a-z][a-z-]+) [a-z-]*[*.]", text):
        assert name in COMMANDS
    entries = re.findall(r"^   ([\w/.]+)$", text, flags=re.MULTILINE) if "toctree" in text else []
    for entry in entries:
        assert (page.parent / f"{entry}.rst").exists()
