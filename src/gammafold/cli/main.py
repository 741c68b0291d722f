"""The command ``gammafold``: subcommands are imported when they are called, so that ``--help`` is quick."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import click

from gammafold import __version__
from gammafold.utils.errors import ExistingFileError, GammafoldError, GammafoldWarning

__all__ = ["cli", "main"]

# Name on the command line -> module with a click command of that name.
COMMANDS: Mapping[str, str] = {
    "convert": "gammafold.cli.convert",
    "coverage": "gammafold.cli.coverage",
    "demo": "gammafold.cli.demo",
    "fit": "gammafold.cli.fit",
    "flux-points": "gammafold.cli.flux_points",
    "group": "gammafold.cli.group",
    "info": "gammafold.cli.info",
    "light-curve": "gammafold.cli.light_curve",
    "simulate": "gammafold.cli.simulate",
    "stack": "gammafold.cli.stack",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that was raised on purpose, or that a file caused, is one line."""
        with plain_warnings():
            try:
                return super().invoke(ctx)
            except ExistingFileError as error:
                raise CommandError(str(ExistingFileError(error.files, "--overwrite"))) from error
            except (GammafoldError, OSError) as error:
                raise CommandError(str(error)) from error


class CommandError(click.ClickException):
    """What went wrong, in one line on stderr; the exit code is 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"gammafold: error: {self.format_message()}", file=file, err=file is None)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gammafold")
def cli() -> None:
    """Forward folding for gamma-ray and X-ray spectra."""


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print gammafold's warnings as one line each on stderr, once and without a source line."""
    with warnings.catch_warnings():
        show, said = warnings.showwarning, set()

        def show_plainly(message, category, filename, lineno, file=None, line=None):  # type: ignore[no-untyped-def]
            if issubclass(category, GammafoldWarning):
                if str(message) not in said:
                    click.echo(f"gammafold: warning: {message}", err=True)
                said.add(str(message))
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = show_plainly
        warnings.simplefilter("always", GammafoldWarning)
        yield


def main() -> None:
    """Run the command."""
    cli.main(prog_name="gammafold")
