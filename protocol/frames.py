"""The gateway's conversation: the client's first message, the server's `ready`, the close codes."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import msgspec

from protocol.codec import decode, encode
from protocol.errors import InvalidInput, RemoteProtocolError
from protocol.messages import is_user_id

#: The first message is an id or a small object; anything longer is a mistake or an attack.
MAX_FIRST_MESSAGE_BYTES = 4096
_MAX_CLIENT_CHARS = 64

EventId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CloseCode(IntEnum):
    """Why the server closes a socket; the comment says what the client does next."""

    GOING_AWAY = 1001  # reconnect with `after`
    PROTOCOL = 1002  # do not reconnect
    UNSUPPORTED = 1003  # binary message; do not reconnect
    BAD_UTF8 = 1007  # do not reconnect
    BAD_FIRST_MESSAGE = 1008  # do not reconnect
    TOO_BIG = 1009  # do not reconnect
    UNAVAILABLE = 1013  # store away or too many connections; reconnect later
    NO_FIRST_MESSAGE = 4400  # reconnect and say who you are
    TOO_SLOW = 4408  # reconnect with `after`
    BAD_TOKEN = 4501  # do not reconnect


#: These say that another try would end the same way.
FATAL_CODES = frozenset(
    {
        CloseCode.PROTOCOL,
        CloseCode.UNSUPPORTED,
        CloseCode.BAD_UTF8,
        CloseCode.BAD_FIRST_MESSAGE,
        CloseCode.TOO_BIG,
        CloseCode.BAD_TOKEN,
    }
)


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What the client said first: who he is, and what he has already seen."""

    user_id: str
    after: int | None = None
    client: str | None = None
    token: str | None = None


class _FirstMessage(msgspec.Struct, kw_only=True):
    user_id: str | None = None
    userId: str | None = None  # noqa: N815 - spellings that existing clients use
    id: str | None = None
    userName: str | None = None  # noqa: N815
    after: EventId | None = None
    client: str | None = None
    token: str | None = None


def parse_first_message(message: str) -> Hello:
    """Read the first message of a client: a bare user id, or a JSON object with one.

    Raises:
        RemoteProtocolError: neither of the two, or the user id is not allowed.
    """
    if len(message.encode("utf-8", "surrogatepass")) > MAX_FIRST_MESSAGE_BYTES:
        raise RemoteProtocolError(f"the first message is over {MAX_FIRST_MESSAGE_BYTES} bytes")
    if not message.lstrip().startswith("{"):
        hello = Hello(user_id=message.strip())
    else:
        first = decode(message, _FirstMessage)
        name = first.user_id or first.userId or first.id or first.userName
        if name is None:
            raise InvalidInput("the first message names no `user_id`")
        hello = Hello(user_id=name, after=first.after, client=first.client, token=first.token)
    if not is_user_id(hello.user_id):
        raise InvalidInput("a user id has 1 to 128 of the characters A-Z a-z 0-9 . _ @ + -")
    if hello.client is not None and (
        len(hello.client) > _MAX_CLIENT_CHARS or not is_user_id(hello.client)
    ):
        raise InvalidInput("`client` has 1 to 64 of the characters A-Z a-z 0-9 . _ @ + -")
    return hello


def make_ready(user_id: str, head: int, *, recovered: bool, reason: str | None = None) -> str:
    """Return the `ready` frame: from here on, whatever happens to the user reaches this socket.

    *head* is the id of the newest event there is; *reason* says why not *recovered*: ``trimmed`` or
    ``fork``.
    """
    frame: dict[str, object] = {
        "type": "ready",
        "user_id": user_id,
        "head": head,
        "recovered": recovered,
    }
    if reason is not None:
        frame["reason"] = reason
    return encode(frame).decode()
