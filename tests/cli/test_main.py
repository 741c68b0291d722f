"""The command itself: help, errors, warnings, and the examples that its help promises."""

import re
import subprocess
import sys
import warnings

import click
import pytest
from click.testing import CliRunner

from gammafold import __version__
from gammafold.cli.main import COMMANDS, cli, plain_warnings
from gammafold.cli.options import say
from gammafold.modeling.models import Models, PowerLawSpectralModel, SkyModel
from gammafold.report.text import make_table
from gammafold.utils.errors import GammafoldWarning, InputError


def examples(name):
    """Return the lines below "Examples:" in the help of a command."""
    text = CliRunner().invoke(cli, [name, "--help"]).stdout
    _, _, listed = text.partition("Examples:")
    return [line.strip().removeprefix("gammafold ") for line in listed.splitlines() if "gammafold " in line]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_examples(name):
    assert examples(name)
    assert all(line.startswith(name) for line in examples(name))


@pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")
# Workers of a cluster that are stopped leave sockets to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("line", [line for name in sorted(COMMANDS) for line in examples(name)])
def test_examples_of_the_help_work(crab_folder, run, line):
    if "crab.yaml" in line:
        run("fit pha_obs*.fits")
        crab_folder.joinpath("crab.yaml").write_text(
            "datasets: [pha_obs23523.fits, pha_obs23526.fits]\nmodels: gammafold-fit/power-law.yaml\n"
        )
    if "my-models.yaml" in line:
        Models([SkyModel(PowerLawSpectralModel(), name="mine")]).write(crab_folder / "my-models.yaml")
    before = set(crab_folder.rglob("*"))
    result = run(line)
    assert result.exit_code == 0, result.output
    assert result.output
    assert "…" not in result.output
    assert max(len(text) for text in result.stdout.splitlines() if "wrote" not in text) <= 80
    written = re.findall(r"^wrote (.+)$", result.output, flags=re.MULTILINE)
    for path in written:
        assert crab_folder.joinpath(path).stat().st_size > 0
    new = {path for path in set(crab_folder.rglob("*")) - before if path.is_file()}
    assert new == {crab_folder / path for path in written} - before


def test_help_lists_every_command(run):
    listed = run("--help").stdout
    assert all(re.search(rf"^  {name} ", listed, flags=re.MULTILINE) for name in COMMANDS)


def test_help_imports_no_command():
    code = (
        "import sys; from gammafold.cli.main import cli; "
        "print(sorted({'matplotlib', 'iminuit', 'rich', 'gammafold.datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version(run):
    assert run("--version").stdout.strip() == f"gammafold, version {__version__}"


def test_unknown_command(run):
    result = run("nope")
    assert result.exit_code == 2
    assert "No such command 'nope'" in result.stderr


@pytest.mark.parametrize("error", [InputError("no such thing"), PermissionError(13, "denied", "x.fits")])
def test_errors_raised_on_purpose_are_one_line(run, monkeypatch, error):
    @click.command("broken")
    def broken():
        raise error

    monkeypatch.setattr(type(cli), "get_command", lambda self, context, name: broken)
    result = run("broken")
    assert result.exit_code == 2
    assert result.stderr == f"gammafold: error: {error}\n"


def test_a_mistake_of_ours_is_not_hidden(run, monkeypatch):
    @click.command("broken")
    def broken():
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(type(cli), "get_command", lambda self, context, name: broken)
    assert isinstance(run("broken").exception, ZeroDivisionError)


def test_warnings_are_one_line(capsys):
    with plain_warnings():
        warnings.warn("the axis moved", GammafoldWarning, stacklevel=1)
    assert capsys.readouterr().err == "gammafold: warning: the axis moved\n"


def test_names_in_brackets_are_printed_as_they_are(capsys):
    table = make_table("[bold]title", {"name": "left"})
    table.add_row("[red]run 1[/red]")
    say(table, "wrote [link]/" + 30 * "long-folder/" + "file.fits")
    out = capsys.readouterr().out
    assert "[bold]title" in out
    assert "[red]run 1[/red]" in out
    assert "wrote [link]/" + 30 * "long-folder/" + "file.fits\n" in out
