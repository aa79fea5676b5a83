"""`gavel token`: what it prints is the token, and what it revokes counts no more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemons.cli.main import cli
from daemons.config import load_config
from daemons.tokens import open_tokens


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give a configuration that asks for tokens."""
    file = tmp_path / "supervisor.toml"
    file.write_text('[auth]\ntokens_file = "tokens.json"\n')
    return file


def gavel(config: Path, *args: str) -> Result:
    """Run `gavel token` with *config*."""
    return CliRunner().invoke(cli, ["token", *args, "--config", str(config)])


def test_token_is_made_listed_and_revoked(config: Path) -> None:
    """`new` prints the token once, `list` everything but the secret, `revoke` ends it."""
    text = gavel(config, "new", "--user", "u1", "--expires", "12h", "--note", "front end").stdout
    tokens = open_tokens(load_config(config))
    assert tokens is not None
    token = tokens.find(text.strip())
    assert token is not None
    assert (token.user_id, set(token.scopes)) == ("u1", {"submit", "read"})

    listed = json.loads(gavel(config, "list", "--json").stdout)["tokens"]
    assert [(row["id"], row["note"]) for row in listed] == [(token.id, "front end")]
    table = gavel(config, "list").stdout
    assert token.id in table
    assert "front end" in table
    assert text.strip().rpartition("_")[2] not in table + json.dumps(listed)

    assert gavel(config, "revoke", token.id).exit_code == 0
    assert tokens.find(text.strip()) is None


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["new", "--user", "a b"], "a user id has"),
        (["new", "--user", "u1", "--scope", "admin"], "leave out --user"),
        (["new", "--expires", "soon"], "write it as 30m"),
        (["new", "--scope", "all"], "'submit', 'read', 'admin'"),
        (["revoke", "nosuch"], "`gavel token list` shows all"),
    ],
)
def test_wrong_usage_is_explained(config: Path, args: list[str], says: str) -> None:
    """A wrong option gets 2 and a line that tells the right one."""
    gavel(config, "new")
    done = gavel(config, *args)

    assert done.exit_code == 2
    assert says in done.stderr


def test_token_without_a_file_names_the_setting(tmp_path: Path) -> None:
    """Where no tokens are asked for, the command says which line asks for them."""
    config = tmp_path / "supervisor.toml"
    config.write_text("")
    done = gavel(config, "new")

    assert done.exit_code == 78
    assert 'tokens_file = "tokens.json"' in done.stderr
