"""Tokens: kept as hashes, told apart to the last character, changed while daemons run."""

from __future__ import annotations

import json
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from daemons.config import Auth, Config, ConfigError
from daemons.tokens import Scope, TokenFile, Tokens, open_tokens

BOTH = (Scope.SUBMIT, Scope.READ)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    """Give a file of tokens that is not there yet."""
    return TokenFile(tmp_path / "tokens.json")


def test_new_token_is_found_by_its_text_alone(file: TokenFile) -> None:
    """The text that was handed out finds its token, whole or not at all."""
    text, token = file.add(BOTH, note="for tests")
    tokens = Tokens(file)

    assert tokens.find(text) == token
    other = "A" if text[-1] != "A" else "B"
    _, id_, secret = text.split("_", 2)
    for wrong in ("", "x", text[:-1], text + "x", text[:-1] + other, f"{text}\n", secret,
                  f"gavel_00000000_{secret}", f"gavel_{id_}_", f"gavel_{id_}_{token.sha256}",
                  "gavel_" + "é" * 52, "\ud800"):  # fmt: skip
        assert tokens.find(wrong) is None, wrong


def test_file_keeps_no_secret_and_is_private(file: TokenFile) -> None:
    """Who reads the file learns no token; nobody but its owner reads it."""
    text, _ = file.add(BOTH)

    assert text.rpartition("_")[2] not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_tokens_change_under_a_running_daemon(file: TokenFile) -> None:
    """A token counts from the next call on, and stops to when it is revoked."""
    first, first_token = file.add(BOTH)
    tokens = Tokens(file)
    second, second_token = file.add(BOTH)
    assert tokens.find(second) == second_token

    assert tokens.holds(first_token)
    assert file.revoke(first_token.id)
    assert tokens.find(first) is None
    assert not tokens.holds(first_token)
    assert tokens.holds(second_token)
    assert not file.revoke(first_token.id)


def test_tokens_stay_in_force_when_the_file_breaks(file: TokenFile) -> None:
    """A file that was damaged by hand locks nobody out and lets nobody in."""
    text, token = file.add(BOTH)
    tokens = Tokens(file)

    file.path.write_text("{")
    assert tokens.find(text) == token
    file.path.unlink()
    assert tokens.find(text) == token
    assert tokens.find(text[:-1] + "-") is None


def test_expired_token_is_none(file: TokenFile) -> None:
    """A token ends with its lifetime."""
    text, token = file.add(BOTH, lifetime=timedelta(seconds=-1))
    tokens = Tokens(file)

    assert tokens.find(text) is None
    assert not tokens.holds(token)


@pytest.mark.parametrize(
    ("scopes", "user_id", "allowed"),
    [
        ((Scope.SUBMIT,), None, {"submit u1", "submit u2", "submit None"}),
        ((Scope.READ,), None, {"read u1", "read u2", "read None"}),
        (BOTH, "u1", {"submit u1", "submit None", "read u1", "read None"}),
        (
            (Scope.ADMIN,),
            None,
            {f"{scope} {user}" for scope in Scope for user in ("u1", "u2", None)},
        ),
    ],
)
def test_token_may_do_what_its_scopes_say(
    file: TokenFile, scopes: tuple[Scope, ...], user_id: str | None, allowed: set[str]
) -> None:
    """Each scope allows itself, for the token's user or for everyone; admin allows all."""
    _, token = file.add(scopes, user_id=user_id)

    found = {
        f"{scope} {user}"
        for scope in Scope
        for user in ("u1", "u2", None)
        if token.may(scope, user)
    }
    assert found == allowed


def test_changes_at_the_same_time_are_all_kept(file: TokenFile) -> None:
    """Two commands at once lose no token: without the lock one of them would."""
    threads = [threading.Thread(target=file.add, args=(BOTH,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({token.id for token in file.read()}) == 8


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "make it with `gavel token new`"),
        ("{", "truncated"),
        ("[]", "Expected `object`"),
        ('{"tokens": [{"id": "x"}]}', "missing required field"),
        (json.dumps({"tokens": [], "more": 1}), "unknown field `more`"),
    ],
)
def test_daemon_does_not_start_on_a_wrong_file(
    tmp_path: Path, content: str | None, says: str
) -> None:
    """A file that is missing or none of ours is a wrong configuration, told with the fix."""
    if content is not None:
        (tmp_path / "tokens.json").write_text(content)
    config = Config(auth=Auth(tokens_file="tokens.json"), base=str(tmp_path))

    with pytest.raises(ConfigError, match="tokens_file") as caught:
        open_tokens(config)
    assert says in str(caught.value)


def test_nobody_needs_a_token_without_a_file() -> None:
    """Without `[auth] tokens_file` there is nothing to ask for."""
    assert open_tokens(Config()) is None
