"""The command run in this process, in a temporary folder that holds the packaged Crab spectra."""

import glob
import shlex
import shutil

import pytest
from click.testing import CliRunner

from gammafold.cli.main import cli
from gammafold.samples import sample_files


@pytest.fixture
def crab_folder(tmp_path, monkeypatch):
    """A folder with the Crab spectra and all files beside them, made the current one."""
    for path in sample_files("crab-hess")[0].parent.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run():
    """Run a command line as a shell would: split into words, ``*`` expanded."""

    def run_line(line):
        words = [name for word in shlex.split(line) for name in (sorted(glob.glob(word)) or [word])]
        return CliRunner(env={"COLUMNS": "80"}).invoke(cli, words)

    return run_line


@pytest.fixture
def fails(run):
    """Run a command line that must fail: one clear line on stderr, a non-zero exit, no traceback."""

    def run_failing(line):
        result = run(line)
        assert result.exit_code != 0
        assert isinstance(result.exception, SystemExit), result.exception
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 1, result.stderr
        return lines[0]

    return run_failing
