"""What commands that use this machine's sandbox share: toolchains, quiet logs, exit codes."""

from __future__ import annotations

import click
import structlog

from daemons.config import Config, ConfigError
from daemons.logs import configure_logs
from daemons.worker.builds import Builds
from daemons.worker.prepare import open_builds
from daemons.worker.toolchains import Toolchain, find_toolchains, missing_tools
from judging.languages import Language

#: This machine, and not the program, is at fault.
EXIT_INTERNAL = 3
#: As a shell reports a program that Ctrl-C ended.
EXIT_INTERRUPTED = 130


class NotOfferedError(Exception):
    """This machine has not what the language needs; the text says what."""


def quiet_logs(command: str) -> None:
    """Send warnings and errors of the worker's parts to stderr, and nothing else."""
    configure_logs(command)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))


def note(text: str) -> None:
    """Print a line that is not the program's output."""
    click.echo(f"gavel: {text}", err=True)


async def open_local_builds(config: Config | None) -> Builds:
    """Return what compiles as a worker of *config* does, without its cache if that is not ours."""
    if config is None:
        return Builds()
    try:
        return await open_builds(config)
    except ConfigError as exc:
        note(f"nothing is kept of what is compiled: {exc}")
        return Builds()


async def find_toolchain(language: Language) -> Toolchain:
    """Return the tools for *language*.

    Raises:
        NotOfferedError: they are not here, or do not work.
    """
    found = (await find_toolchains([language])).get(language.id)
    if found is None:
        raise NotOfferedError(f"{language.name}: {why_not_offered(language)}")
    return found


def why_not_offered(language: Language) -> str:
    """Return the reason for people."""
    missing = missing_tools(language)
    if not missing:
        return "its tools do not work here"
    return f"not found: {language.whence(missing)}"
