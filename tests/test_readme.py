"""What the README shows is what happens."""

import re
from pathlib import Path

import numpy as np

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_script(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(script, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    number = re.compile(r"[-+]?\d+\.\d+(?:e[-+]\d+)?")
    shown = README[README.index("    FitResult") : README.index("![Four")]
    np.testing.assert_allclose(
        [float(value) for value in number.findall(printed)],
        [float(value) for value in number.findall(shown)],
        rtol=1e-5,
    )
    assert (tmp_path / "crab-fit.png").stat().st_size > 10_000


def test_commands_exist():
    from gammafold.cli.main import cli

    (listed,) = re.findall(r"gammafold --help\s+# (.*)", README)
    assert set(listed.split(", ")) == set(cli.list_commands(None))


def test_make_targets_exist():
    makefile = (Path(__file__).resolve().parents[1] / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z ]+)", README.replace("\n", ";"))):
        for one in target.split():
            if one in {"demo", "test", "lint", "bench", "docs"}:
                assert f"\n{one}:" in makefile
