"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from daemons.config import Config, load_config

_CONFIG = "supervisor.toml"

Function = TypeVar("Function", bound=Callable[..., Any])


class ConfigFile(click.ParamType[Config]):
    """A path that becomes the `Config` in the file; a wrong one is a `ConfigError`, exit 78."""

    name = "file"

    def convert(
        self,
        value: str | Config,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> Config:
        """Read the file."""
        return value if isinstance(value, Config) else load_config(Path(value))


def config_option(function: Function) -> Function:
    """Add ``--config FILE``; the command gets a `Config` named `config`."""
    return click.option(
        "--config",
        type=ConfigFile(),
        default=_CONFIG,
        envvar="GAVEL_CONFIG",
        show_default=True,
        show_envvar=True,
        help="The configuration file.",
    )(function)


def optional_config_option(function: Function) -> Function:
    """Add ``--config FILE``; the command gets a `Config` named `config`, or None without a file."""
    return click.option(
        "--config",
        type=ConfigFile(),
        default=lambda: _CONFIG if Path(_CONFIG).is_file() else None,
        envvar="GAVEL_CONFIG",
        show_default=f"{_CONFIG}, where it is",
        show_envvar=True,
        help="The configuration file.",
    )(function)
