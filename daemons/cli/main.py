"""The command `gavel`: finds a command by name and imports only the module that holds it.

`COMMANDS` is the whole list: for each command the module under ``daemons.cli`` and one line of
help. The module has a click command (or group) in an attribute of the command's name. A module is
imported when its command is called, so `gavel status` does not pay for the sandbox or the web
server, and a command whose module is not there is not offered.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator

import click

from daemons.config import EXIT_CONFIG, ConfigError

#: Command -> (module under daemons.cli, one line of help), in the order of `gavel --help`.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("up", "Start everything and stay in the foreground."),
    "status": ("status", "Show daemons, queue and workers."),
    "restart": ("control", "Start one daemon anew without losing work."),
    "scale": ("control", "Run more or fewer processes of a daemon."),
    "reload": ("control", "Read the configuration again and apply what changed."),
    "stop": ("control", "Finish what runs, then stop everything."),
    "submit": ("submit", "Submit a program to a problem; --wait follows the verdict live."),
    "run": ("run", "Run one program once in this machine's sandbox, without daemons."),
    "watch": ("watch", "Print a user's events as they come."),
    "problems": ("problems", "List, show and verify problem packages."),
    "languages": ("languages", "Show which languages this machine offers."),
    "logs": ("logs", "Tell one submission's story from the daemons' logs."),
    "token": ("token", "Make, list and revoke the tokens that callers need."),
    "doctor": ("doctor", "Show what this machine can enforce, and how to mend the rest."),
    "api": ("daemon", "Run the HTTP API alone."),
    "gateway": ("daemon", "Run the WebSocket gateway alone."),
    "worker": ("daemon", "Run a worker alone."),
    "store": ("daemon", "Run the embedded store alone."),
}

EXAMPLES = """\b
Examples:
  gavel up                                  everything, in the foreground
  gavel up --config /etc/gavel.toml         with another configuration
  gavel status --watch                      in a second terminal
  gavel submit sum.py --problem two-sum --wait
  gavel run hello.cpp --time 2              no daemons needed
  gavel doctor                              what can this machine enforce?
  gavel worker --config supervisor.toml     one daemon, for systemd or a container

`gavel COMMAND --help` tells more about one command.
"""


class LazyCommands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands that are there."""
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command *cmd_name* and return it, or None if there is none."""
        if cmd_name not in COMMANDS or not _is_there(cmd_name):
            return None
        command = getattr(importlib.import_module(_module(cmd_name)), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from `COMMANDS`, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._rows(ctx)))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a wrong configuration is one line on stderr and exit code 78."""
        try:
            return super().invoke(ctx)
        except ConfigError as exc:
            click.echo(f"gavel: {exc}", err=True)
            ctx.exit(EXIT_CONFIG)

    def _rows(self, ctx: click.Context) -> Iterator[tuple[str, str]]:
        for name in self.list_commands(ctx):
            yield name, COMMANDS[name][1]


def _module(command: str) -> str:
    return f"daemons.cli.{COMMANDS[command][0]}"


def _is_there(command: str) -> bool:
    return importlib.util.find_spec(_module(command)) is not None


@click.command(cls=LazyCommands, epilog=EXAMPLES, context_settings={"max_content_width": 100})
@click.version_option(package_name="gavel-judge", prog_name="gavel")
def cli() -> None:
    """Gavel, an online judge: submissions in over HTTP, verdicts out over WebSockets."""


def main() -> None:
    """Run the command line; the entry point of `gavel`."""
    sys.exit(cli(prog_name="gavel"))


if __name__ == "__main__":
    main()
