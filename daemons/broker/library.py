"""`library.lua` on the server: as a FUNCTION library, or by EVALSHA where there are no functions.

A function library survives kill -9 with the AOF and is replicated; EVALSHA has to be loaded anew
after each restart. Both are made from the same source. The library's name ends in a hash of its
source, so during a rolling upgrade the old and the new daemons each call their own. Whoever brings
a version that the server has not takes the others away: old daemons that still run put theirs back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from redis.exceptions import NoPermissionError, NoScriptError, ResponseError

from daemons.broker.client import Redis
from daemons.broker.connection import Argument, Connection, pack
from daemons.broker.errors import StoreUnavailable
from protocol import keys

_SOURCE = files("daemons.broker").joinpath("library.lua").read_text()
_PREFIX = "gavel_"
_NAME = f"{_PREFIX}{hashlib.sha256(_SOURCE.encode()).hexdigest()[:12]}"
#: A flush is rare; one that comes again and again is nothing to wait for.
_TRIES = 5
_READS = ("replay", "show")
_GROWS = ("rejudge", "submit")
_WRITES = (
    "beat",
    "cancel",
    "claim",
    "expire",
    "fail",
    "finish",
    "forget",
    "progress",
    "prove",
    "reject",
    "rejudge",
    "release",
    "repair",
    "resume",
    "submit",
)


def _registration(name: str) -> str:
    # When memory is full, nothing more is queued; what is under way may still end.
    flags = "'no-writes'" if name in _READS else "" if name in _GROWS else "'allow-oom'"
    return (
        f"redis.register_function{{ function_name = '{_NAME}_{name}', "
        f"callback = scripts['{name}'], flags = {{ {flags} }} }}\n"
    )


_FUNCTIONS = f"#!lua name={_NAME}\n{_SOURCE}\n" + "".join(
    _registration(name) for name in (*_READS, *_WRITES)
)
_SCRIPTS = {
    name: f"{_SOURCE}\nreturn scripts['{name}'](KEYS, ARGV)\n" for name in (*_READS, *_WRITES)
}


async def _delete_others(connection: Connection) -> None:
    """Delete the libraries of other versions."""
    for library in await connection.command("FUNCTION", "LIST", "LIBRARYNAME", f"{_PREFIX}*"):
        name = library[b"library_name"].decode()
        if name != _NAME:
            try:
                await connection.command("FUNCTION", "DELETE", name)
            except ResponseError as exc:
                if "not found" not in str(exc):  # another daemon was faster
                    raise


class Library:
    """The scripts as one server has them; call `prepare` on each new connection."""

    def __init__(self) -> None:
        self._shas: dict[str, str] | None = None
        self._arrived = False

    async def prepare(self, connection: Connection) -> None:
        """Put the scripts on the server unless they are there.

        Raises:
            StoreUnavailable: the connection failed. ResponseError: the server refuses scripts.
        """
        if await self._load_functions(connection):
            self._shas = None
            return
        loads = b"".join(pack(("SCRIPT", "LOAD", source)) for source in _SCRIPTS.values())
        answers = await connection.call(loads, len(_SCRIPTS))
        for refusal in (answer for answer in answers if isinstance(answer, Exception)):
            raise refusal
        self._shas = dict(zip(_SCRIPTS, (answer.decode() for answer in answers), strict=True))

    async def _load_functions(self, connection: Connection) -> bool:
        """Load the library unless it is there; return whether this user may have functions here."""
        try:
            if not await connection.command("FUNCTION", "LIST", "LIBRARYNAME", _NAME):
                await connection.command("FUNCTION", "LOAD", _FUNCTIONS)
                # Only once in a process's life: two versions would take turns for ever.
                if not self._arrived:
                    await _delete_others(connection)
            self._arrived = True
        except ResponseError as exc:
            if "already exists" in str(exc):  # another daemon was faster
                return True
            # Before Redis 7, or a user who may not load functions.
            if isinstance(exc, NoPermissionError) or "unknown command" in str(exc).lower():
                return False
            raise
        return True

    def command(self, script: str, partition: int, *args: Argument) -> tuple[Argument, ...]:
        """Return the command that runs *script* on *partition*."""
        key = keys.meta(partition)
        if self._shas is None:
            return ("FCALL", f"{_NAME}_{script}", 1, key, *args)
        return ("EVALSHA", self._shas[script], 1, key, *args)

    async def call(
        self,
        redis: Redis,
        script: str,
        partition: int,
        *args: Argument,
        send: Callable[[tuple[Argument, ...]], Awaitable[Any]] | None = None,
    ) -> Any:
        """Run *script* and return its bare answer; *send* sends it, *redis* itself by default.

        Puts the library back and tries again if somebody flushed it: then nothing has run yet.

        Raises:
            StoreUnavailable: see there. ResponseError: the script refused its arguments.
        """
        send = send or redis.call
        for _ in range(_TRIES):
            try:
                return await send(self.command(script, partition, *args))
            except ResponseError as exc:
                if not isinstance(exc, NoScriptError) and "Function not found" not in str(exc):
                    raise
            await redis.with_connection(self.prepare)
        raise StoreUnavailable("somebody keeps flushing the store's scripts")
