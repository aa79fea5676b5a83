"""Who may call: bearer tokens with scopes, kept as hashes in the file `[auth] tokens_file`.

How a daemon asks, the API for each request and the gateway for each first message::

    tokens = open_tokens(config)                   # at start; None: nobody needs a token
    token = tokens.find(hello.token or "")         # None: unknown, revoked or out of date -> 4501
    if token is None or not token.may(Scope.READ, hello.user_id): ...
    tokens.holds(token)                            # now and then, for what stays open for long

`find` and `holds` never wait and never raise: the file is looked at when it has changed, so a new
token counts, and a revoked one stops counting, at the next call in each daemon.

A token is ``gavel_<id>_<secret>``. The id is public: it names the token in lists and logs. The
secret has 256 random bits, so one round of SHA-256 is as good as a slow hash, which only slows the
guessing of what can be guessed.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from daemons.config import Config, ConfigError
from daemons.logs import log
from protocol.forms import UserId

_TEXT = re.compile(r"gavel_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
#: Compared with when there is no such id, so that it takes as long as a wrong secret.
_NO_HASH = "0" * 64


class Scope(StrEnum):
    """What a token lets its holder do."""

    SUBMIT = "submit"  # submissions and runs: send in, cancel
    READ = "read"  # look at them, and hear of their events
    ADMIN = "admin"  # everything, for everyone


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token as the file keeps it: never the secret, only its hash.

    With *user_id* it is good for that user's submissions alone, else for everyone's.
    """

    id: str
    sha256: str
    scopes: tuple[Scope, ...]
    user_id: UserId | None = None
    note: str = ""
    created_at: datetime
    expires_at: datetime | None = None

    def may(self, scope: Scope, user_id: str | None = None) -> bool:
        """Tell whether the holder may do *scope* to what is of *user_id*, or of nobody if None."""
        if Scope.ADMIN in self.scopes:
            return True
        ours = user_id is None or self.user_id is None or self.user_id == user_id
        return ours and scope in self.scopes

    def expired(self) -> bool:
        """Tell whether its time has passed."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...] = ()


class _Version(NamedTuple):
    """By what a change of the file shows; each of ours is a new inode."""

    inode: int
    mtime_ns: int
    size_bytes: int


class TokenFile:
    """The file, for `gavel token`: every change is whole or not at all, one at a time.

    Raises, in every method:
        ConfigError: it cannot be read or written, or is no file of tokens.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Token, ...]:
        """Return all tokens."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_Document).tokens
        except FileNotFoundError as exc:
            raise ConfigError(
                f"[auth] tokens_file: {self.path} is missing; make it with `gavel token new`"
            ) from exc
        except OSError as exc:
            raise ConfigError(f"[auth] tokens_file: {self.path}: {exc.strerror}") from exc
        except msgspec.MsgspecError as exc:
            raise ConfigError(f"[auth] tokens_file: {self.path}: {exc}") from exc

    def add(
        self,
        scopes: tuple[Scope, ...],
        *,
        user_id: str | None = None,
        note: str = "",
        lifetime: timedelta | None = None,
    ) -> tuple[str, Token]:
        """Make a token and return its text, which exists nowhere else, and what is kept of it."""
        id_ = secrets.token_hex(4)
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        token = Token(
            id=id_,
            sha256=_hash(secret),
            scopes=scopes,
            user_id=user_id,
            note=note,
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
        with self._changing():
            self._write((*(self.read() if self.path.exists() else ()), token))
        return f"gavel_{id_}_{secret}", token

    def revoke(self, token_id: str) -> bool:
        """Delete the token of that id; return whether there was one."""
        with self._changing():
            tokens = self.read()
            rest = tuple(token for token in tokens if token.id != token_id)
            if len(rest) < len(tokens):
                self._write(rest)
        return len(rest) < len(tokens)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other changes away: of two at the same time one would be lost."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise ConfigError(f"[auth] tokens_file: {exc.filename}: {exc.strerror}") from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, tokens: tuple[Token, ...]) -> None:
        data = msgspec.json.format(msgspec.json.encode(_Document(tokens)), indent=2) + b"\n"
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            new.unlink(missing_ok=True)
            with open(new, "xb", opener=_open_private) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as exc:
            raise ConfigError(f"[auth] tokens_file: {exc.filename}: {exc.strerror}") from exc


class Tokens:
    """The tokens that count right now; make one with `open_tokens`."""

    def __init__(self, file: TokenFile) -> None:
        self._file = file
        self._seen = self._version()
        self._by_id = {token.id: token for token in file.read()}

    def find(self, text: str) -> Token | None:
        """Return the token that *text*, sent by a stranger, is; None if it is none that counts."""
        self._refresh()
        match = _TEXT.fullmatch(text)
        id_, secret = match.groups() if match else ("", "")
        token = self._by_id.get(id_)
        right = hmac.compare_digest(_hash(secret), token.sha256 if token else _NO_HASH)
        return token if token is not None and right and not token.expired() else None

    def holds(self, token: Token) -> bool:
        """Tell whether *token*, found earlier, still counts: neither revoked nor out of date."""
        self._refresh()
        return self._by_id.get(token.id) == token and not token.expired()

    def _refresh(self) -> None:
        version = self._version()
        if version == self._seen:
            return
        self._seen = version
        try:
            self._by_id = {token.id: token for token in self._file.read()}
        except ConfigError as exc:
            # To let nobody in because of a typing mistake would be an outage; those revoked before
            # stay revoked.
            log.error("the tokens read before stay in force", error=str(exc))

    def _version(self) -> _Version | None:
        try:
            seen = self._file.path.stat()
        except OSError:
            return None
        return _Version(seen.st_ino, seen.st_mtime_ns, seen.st_size)


def open_tokens(config: Config) -> Tokens | None:
    """Return the tokens of `[auth] tokens_file`, or None where no token is asked for.

    Raises:
        ConfigError: the file is missing, or is no file of tokens.
    """
    file = token_file(config)
    return None if file is None else Tokens(file)


def token_file(config: Config) -> TokenFile | None:
    """Return the file that `[auth] tokens_file` names, whether or not it is there."""
    name = config.auth.tokens_file
    return None if name is None else TokenFile(config.path(name))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
