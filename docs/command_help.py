"""The directive ``command-help``: the help of every subcommand, as the command itself prints it."""

from click.testing import CliRunner
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from gammafold.cli.main import COMMANDS, cli


class CommandHelp(Directive):
    """One section for each subcommand."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        return [self._section(name) for name in sorted(COMMANDS)]

    def _section(self, name: str) -> nodes.section:
        text = CliRunner().invoke(cli, [name, "--help"], prog_name="gammafold").stdout
        section = nodes.section(ids=[f"gammafold-{name}"])
        section += nodes.title(text=f"gammafold {name}")
        section += nodes.literal_block(text, text, language="text")
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
