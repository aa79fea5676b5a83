"""`gavel token`: who may call the API and the gateway; the file is `[auth] tokens_file`."""

from __future__ import annotations

import re
import sys
from datetime import timedelta

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemons.cli.options import config_option
from daemons.config import Config, ConfigError
from daemons.tokens import Scope, Token, TokenFile, token_file
from protocol.messages import is_user_id

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PIPE_COLUMNS = 160


class Lifetime(click.ParamType[timedelta]):
    """A time such as ``12h`` or ``30d``."""

    name = "TIME"

    def convert(
        self,
        value: str | timedelta,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", value)
        if match is None:
            self.fail(f"{value!r} is no time; write it as 30m, 12h or 90d", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of `[auth] tokens_file`.

    A change counts at once, in all daemons that run.
    """


@token.command()
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    default=("submit", "read"),
    show_default="submit and read",
    help="What its holder may do; give it once for each.",
)
@click.option("--user", metavar="U", help="For this user's submissions alone; else for everyone's.")
@click.option("--expires", "lifetime", type=Lifetime(), help="Good for so long: 30m, 12h, 90d.")
@click.option("--note", default="", help="Who has it, or what for.")
@config_option
def new(
    scopes: tuple[str, ...],
    user: str | None,
    lifetime: timedelta | None,
    note: str,
    config: Config,
) -> None:
    """Make a token and print it. It is shown this once: the file keeps only a hash."""
    if user is not None and not is_user_id(user):
        raise click.UsageError("a user id has 1 to 128 of A-Z a-z 0-9 . _ @ + -")
    chosen = tuple(Scope(name) for name in dict.fromkeys(scopes))
    if user is not None and Scope.ADMIN in chosen:
        raise click.UsageError("admin is for everyone's submissions; leave out --user")
    text, made = _file(config).add(chosen, user_id=user, note=note, lifetime=lifetime)
    click.echo(text)
    click.echo(f"gavel: its id, to revoke it by, is {made.id}", err=True)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@config_option
def list_tokens(config: Config, *, as_json: bool) -> None:
    """List the tokens: everything of them but the secret."""
    tokens = _file(config).read()
    if as_json:
        rows = [_public(each) for each in tokens]
        click.echo(msgspec.json.format(msgspec.json.encode({"tokens": rows}), indent=2).decode())
        return
    table = Table("id", "may", "user", "created", "expires", "note", box=None, header_style="bold")
    for each in tokens:
        expires = f"{each.expires_at:%Y-%m-%d %H:%M}" if each.expires_at else "never"
        table.add_row(
            each.id,
            ", ".join(each.scopes),
            each.user_id or "anyone",
            f"{each.created_at:%Y-%m-%d %H:%M}",
            f"{expires} (over)" if each.expired() else expires,
            escape(each.note),
        )
    Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS).print(table)


@token.command()
@click.argument("token_id", metavar="ID")
@config_option
def revoke(token_id: str, config: Config) -> None:
    """Let the token ID count no more, from the next request on."""
    if not _file(config).revoke(token_id):
        raise click.UsageError(f"there is no token {token_id!r}; `gavel token list` shows all")
    click.echo(f"{token_id} is revoked")


def _file(config: Config) -> TokenFile:
    file = token_file(config)
    if file is None:
        raise ConfigError(
            f"{config.file}: [auth] tokens_file is not set, so nobody needs a token; "
            'add `tokens_file = "tokens.json"` under [auth]'
        )
    return file


def _public(token: Token) -> dict[str, object]:
    document = msgspec.structs.asdict(token)
    del document["sha256"]
    return document
