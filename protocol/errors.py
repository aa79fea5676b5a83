"""Errors of the protocol, cut by whose fault they are.

`ProtocolError` has exactly two children: our bug, or their input. Whoever catches one knows what to
do next: a `LocalProtocolError` is logged as a crash, a `RemoteProtocolError` is answered politely.
"""

from __future__ import annotations

from typing import NamedTuple


class FieldError(NamedTuple):
    """One field that was refused: where it stands in the input, and why."""

    field: str
    message: str


class ProtocolError(Exception):
    """Some message was not what the protocol allows; see the two children for whose fault it is."""


class LocalProtocolError(ProtocolError):
    """We were about to say, or were asked by our own code to do, something illegal: a bug here."""


class RemoteProtocolError(ProtocolError):
    """They said something illegal.

    Attributes:
        fields: the fields at fault, if the input could be read at all; empty for broken syntax.
    """

    def __init__(self, message: str, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class MalformedInput(RemoteProtocolError):
    """They sent bytes that cannot be parsed at all: not JSON, not UTF-8, nested too deep."""


class InvalidInput(RemoteProtocolError):
    """They sent well-formed JSON whose fields are wrong, missing, or unknown."""
