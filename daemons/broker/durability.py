"""What a 202 promises, and whether this server can keep the promise.

=========== ============================== =====================================================
mode        the server must give           what survives
=========== ============================== =====================================================
``memory``  `appendonly yes`               kill -9 of the store; a host crash costs 1-2 s
``disk``    and `appendfsync always`, or   kill -9 and power loss of the host
            WAITAOF (Redis 7.2, Valkey)
``replica`` and a replica, WAITAOF         the loss of one host
=========== ============================== =====================================================

Eviction would delete submissions behind our back, so any policy but `noeviction` is refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from daemons.broker.connection import Connection
from daemons.broker.errors import StoreUnavailable

#: A replica that has not written within this is as good as none: 503 instead of a softer promise.
_WAIT_MS = 2000


class Proof(NamedTuple):
    """How a mode is proved: what to send behind each submit, and what the answer must be."""

    mode: str
    command: tuple[str | int, ...]
    local: int
    replicas: int

    def missing(self, answer: Any) -> StoreUnavailable | None:
        """Return what *answer*, the command's reply, lacks as a proof; None if it proves all."""
        if isinstance(answer, list) and answer[0] >= self.local and answer[1] >= self.replicas:
            return None
        told = answer if isinstance(answer, Exception) else "{} fsync, {} replicas".format(*answer)
        return StoreUnavailable(f"written, but not kept yet as {self.mode!r} promises: {told}")


class Promise(NamedTuple):
    """What a 202 promises; without *proof* the reply itself is it."""

    mode: str
    proof: Proof | None = None


class Refusal(NamedTuple):
    """The server cannot keep the promise: why, and what mends it.

    *passing* says that it may by itself in a moment: a replica that is not there yet.
    """

    reason: str
    passing: bool = False


async def examine(connection: Connection, mode: str) -> Promise | Refusal:
    """Ask the server for its settings and decide how *mode* can be kept.

    Raises:
        StoreUnavailable: the connection failed before the server had answered.
    """
    try:
        append = await _setting(connection, "appendonly")
        fsync = await _setting(connection, "appendfsync")
        policy = await _setting(connection, "maxmemory-policy")
    except ResponseError as exc:
        if mode == "memory":
            return Promise(mode)
        return Refusal(
            f"the server hides its settings (CONFIG GET: {exc}), so {mode!r} is unproven"
        )
    return await _decide(connection, mode, append, fsync, policy)


async def _decide(
    connection: Connection, mode: str, append: str, fsync: str, policy: str
) -> Promise | Refusal:
    if policy != "noeviction":
        return Refusal(f"maxmemory-policy is {policy!r}; mend it: CONFIG SET it to noeviction")
    if append != "yes":
        return Refusal("appendonly is off; mend it: CONFIG SET appendonly yes")
    if mode == "memory" or (mode == "disk" and fsync == "always"):
        return Promise(mode)
    replicas = 1 if mode == "replica" else 0
    if not await _has_waitaof(connection):
        fix = "CONFIG SET appendfsync always" if mode == "disk" else "use Redis 7.2 or Valkey"
        return Refusal(f"{mode!r} needs WAITAOF, which this server lacks; mend it: {fix}")
    if replicas and await _replicas(connection) < 1:
        reason = "'replica' needs a replica; mend it: connect one by REPLICAOF"
        return Refusal(reason, passing=True)
    return Promise(mode, Proof(mode, ("WAITAOF", 1, replicas, _WAIT_MS), 1, replicas))


async def _setting(connection: Connection, name: str) -> str:
    answer = await connection.command("CONFIG", "GET", name)
    return str(answer.get(name.encode(), b"").decode())


async def _has_waitaof(connection: Connection) -> bool:
    return bool((await connection.command("COMMAND", "INFO", "WAITAOF"))[0])


async def _replicas(connection: Connection) -> int:
    info = (await connection.command("INFO", "replication")).decode()
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    return int(fields.get("connected_slaves", 0))
