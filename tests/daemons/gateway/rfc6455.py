"""What RFC 6455 wants of a server, case by case, in the groups of the Autobahn test suite.

The gateway is no echo server, so a case shows by what it answers: a first message by `ready` with
the user id that was in it, a ping by a pong, everything else by how the connection ends. Each case
lists what the server must send, in order; the last is the code of its close frame.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import NamedTuple

MASK = b"\xa5\x0f\x99\x3c"
TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
FIRST, MORE, LAST = 0x01, 0x00, 0x80
#: In a case: wait here for the `ready` that is wanted.
READY = b""
#: The first message may have so many bytes.
LIMIT = 4096


def frame(
    first_byte: int, payload: bytes = b"", *, size: bytes = b"", masked: bool = True
) -> bytes:
    """Return a client's frame; *size* in place of the shortest form of its length."""
    if not size:
        forms = ((126, "!B"), (65536, "!BH"), (1 << 63, "!BQ"))
        limit, form = next((limit, form) for limit, form in forms if len(payload) < limit)
        marks = {126: (), 65536: (126,), 1 << 63: (127,)}[limit]
        size = struct.pack(form, *marks, len(payload))
    if not masked:
        return bytes([first_byte]) + size + payload
    covered = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))
    return bytes([first_byte, size[0] | 0x80]) + size[1:] + MASK + covered


def closing(code: int, reason: bytes = b"") -> bytes:
    """Return a client's close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def hello(payload: bytes = b"u1") -> bytes:
    """Return a first message in one frame."""
    return frame(TEXT, payload)


def padded(length: int) -> bytes:
    """Return a first message of *length* bytes."""
    start, end = b'{"user_id":"u1","x":"', b'"}'
    return start + b"x" * (length - len(start) - len(end)) + end


class Case(NamedTuple):
    """What is sent, piece by piece, and what must come: ``ready``, a pong's payload, a code."""

    name: str
    pieces: list[bytes]
    wanted: list[str | bytes | int]


def case(name: str, *pieces: bytes, wanted: tuple[str | bytes | int, ...]) -> Case:
    """Return a case."""
    return Case(name, list(pieces), list(wanted))


def split(data: bytes, length: int = 1) -> list[bytes]:
    """Return *data* in pieces of *length* bytes."""
    return [data[at : at + length] for at in range(0, len(data), length)]


def framing() -> Iterator[Case]:
    """Yield group 1: lengths and masks."""
    for length in (23, 125, 126, 127, 128, 1000, LIMIT):
        yield case(f"text of {length}", hello(padded(length)), wanted=("ready", 1000))
    yield case("byte by byte", *split(hello(padded(300))), wanted=("ready", 1000))
    yield case("pieces of 97", *split(hello(padded(LIMIT)), 97), wanted=("ready", 1000))
    yield case("empty text", hello(b""), wanted=(1008,))
    yield case("empty binary", frame(BINARY), wanted=(1003,))
    yield case("binary", frame(BINARY, b"u1"), wanted=(1003,))
    yield case("binary later", hello(), READY, frame(BINARY, b"x"), wanted=("ready", 1003))
    yield case("mask missing", frame(TEXT, b"u1", masked=False), wanted=(1002,))
    yield case(
        "mask missing in a ping", hello(), READY, frame(PING, masked=False), wanted=("ready", 1002)
    )
    two = frame(TEXT, b"u1", size=struct.pack("!BH", 126, 2))
    eight = frame(TEXT, b"u1", size=struct.pack("!BQ", 127, 2))
    yield case("length in two bytes where one would do", two, wanted=(1002,))
    yield case("length in eight bytes where one would do", eight, wanted=(1002,))
    negative = frame(TEXT, b"u1", size=struct.pack("!BQ", 127, 1 << 63))
    yield case("length with the highest bit", negative, wanted=(1002,))


def pings() -> Iterator[Case]:
    """Yield group 2: pings and pongs."""
    for payload in (b"", b"x", b"\x00\xff\xfe", bytes(125)):
        yield case(f"ping of {len(payload)}", frame(PING, payload), wanted=(payload, 1000))
    yield case("ping of 126", frame(PING, bytes(126)), wanted=(1002,))
    yield case("ping byte by byte", *split(frame(PING, b"slowly")), wanted=(b"slowly", 1000))
    many = [b"%d" % number for number in range(10)]
    yield case("ten at once", b"".join(frame(PING, each) for each in many), wanted=(*many, 1000))
    yield case("pong that nobody asked for", frame(PONG, b"?"), hello(), wanted=("ready", 1000))
    yield case("pong of 126", frame(PONG, bytes(126)), wanted=(1002,))
    yield case("ping before ready", frame(PING, b"1"), hello(), wanted=(b"1", "ready", 1000))


def reserved() -> Iterator[Case]:
    """Yield groups 3 and 4: reserved bits and opcodes."""
    for bits in range(1, 8):
        for opcode in (1, 8, 9):
            bad = frame(0x80 | bits << 4 | opcode, b"")
            yield case(f"reserved bits {bits} with opcode {opcode}", bad, wanted=(1002,))
    yield case("reserved bit later", hello(), READY, frame(0xC1, b"x"), wanted=("ready", 1002))
    yield case("reserved bit in the middle", frame(FIRST, b"u"), frame(0xC0, b"1"), wanted=(1002,))
    for opcode in (*range(3, 8), *range(11, 16)):
        yield case(f"opcode {opcode}", frame(0x80 | opcode, b"x"), wanted=(1002,))
        yield case(f"opcode {opcode}, empty", frame(0x80 | opcode), wanted=(1002,))


def fragments() -> Iterator[Case]:
    """Yield group 5: messages in pieces."""
    u, one = frame(FIRST, b"u"), frame(LAST, b"1")
    yield case("two", u, one, wanted=("ready", 1000))
    yield case("two at once", u + one, wanted=("ready", 1000))
    yield case("byte by byte", *split(u + one), wanted=("ready", 1000))
    yield case("ping between", u, frame(PING, b"p"), one, wanted=(b"p", "ready", 1000))
    yield case("pong between", u, frame(PONG, b"p"), one, wanted=("ready", 1000))
    empties = frame(FIRST) + frame(MORE) * 5 + frame(MORE, b"u1") + frame(LAST)
    yield case("empty ones around", empties, wanted=("ready", 1000))
    yield case("all empty", frame(FIRST) + frame(MORE) + frame(LAST), wanted=(1008,))
    letters = b"".join(frame(MORE, letter) for letter in split(padded(100)[1:-1]))
    yield case(
        "a hundred", frame(FIRST, b"{") + letters + frame(LAST, b"}"), wanted=("ready", 1000)
    )
    yield case("ping in fragments", frame(0x09, b"x"), frame(LAST, b"y"), wanted=(1002,))
    yield case("pong in fragments", frame(0x0A, b"x"), wanted=(1002,))
    yield case("close in fragments", frame(0x08, b""), wanted=(1002,))
    yield case("continuation of nothing", one, wanted=(1002,))
    yield case("continuation of nothing, not last", frame(MORE, b"x"), wanted=(1002,))
    yield case(
        "continuation after the end", u, one, READY, frame(LAST, b"x"), wanted=("ready", 1002)
    )
    yield case("text in the middle", u, hello(), wanted=(1002,))
    yield case("binary in the middle", u, frame(BINARY, b"1"), wanted=(1002,))
    yield case("close in the middle", u, closing(1000), wanted=(1000,))


VALID_UTF8 = ("é", "€", "😀", "𐀀", "\U0010ffff", "\ufffe", "\ufdd0", "\ufffd", "κόσμε", "\x7f\x80")
INVALID_UTF8 = (
    *(b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"),
    *(b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xc3", b"\xe2\x82"),
    *(b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80"),
    *(
        b"\xf4\x90\x80\x80",
        b"\xc3(",
        b"\xe2(\xa1",
        b"\xf0\x28\x8c\xbc",
        b"\xce\xba\xed\xa0\x80edit",
    ),
)


def utf8() -> Iterator[Case]:
    """Yield group 6: text must be UTF-8, also where a character lies across two frames."""
    for text in VALID_UTF8:
        data = f'{{"user_id":"u1","x":{json.dumps(text, ensure_ascii=False)}}}'.encode()
        yield case(f"valid {text!a}", hello(data), wanted=("ready", 1000))
        cut = data.index(text.encode()) + 1
        pieces = frame(FIRST, data[:cut]), frame(LAST, data[cut:])
        yield case(f"valid {text!a} across frames", *pieces, wanted=("ready", 1000))
    data = '{"user_id":"u1","x":"κόσμε😀"}'.encode()
    one_each = [frame(MORE, letter) for letter in split(data[1:-1])]
    whole = frame(FIRST, data[:1]), *one_each, frame(LAST, data[-1:])
    yield case("each byte a frame", b"".join(whole), wanted=("ready", 1000))
    for number, bad in enumerate(INVALID_UTF8):
        data = b'{"user_id":"u1","x":"' + bad + b'"}'
        yield case(f"invalid {number} {bad.hex()}", hello(data), wanted=(1007,))
        cut = data.index(bad) + 1
        pieces = frame(FIRST, data[:cut]), frame(LAST, data[cut:])
        yield case(f"invalid {number} {bad.hex()} across frames", *pieces, wanted=(1007,))
    yield case("cut off at the end", hello('{"user_id":"u1"}€'.encode()[:-1]), wanted=(1007,))
    yield case("invalid later", hello(), READY, frame(TEXT, b"\xff"), wanted=("ready", 1007))
    yield case("unfinished, then closed", frame(FIRST, b"\xe2"), closing(1000), wanted=(1000,))


GOOD_CODES = (*range(1000, 1004), *range(1007, 1012), 3000, 3999, 4000, 4999)
BAD_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def closes() -> Iterator[Case]:
    """Yield group 7: how it ends."""
    for code in GOOD_CODES:
        yield case(f"close {code}", hello(), READY, closing(code, b"bye"), wanted=("ready", code))
    for code in BAD_CODES:
        yield case(f"close {code}", hello(), READY, closing(code), wanted=("ready", 1002))
    yield case("close without a code", hello(), READY, frame(CLOSE), wanted=("ready", 1005))
    yield case("close of one byte", hello(), READY, frame(CLOSE, b"\x03"), wanted=("ready", 1002))
    yield case("close of 125", closing(1000, b"x" * 123), wanted=(1000,))
    yield case("close of 126", closing(1000, b"x" * 124), wanted=(1002,))
    yield case("reason that is not UTF-8", closing(1000, b"\xff"), wanted=(1007,))
    yield case("close at once", closing(1001), wanted=(1001,))
    yield case("twice", closing(1000) + closing(1001), wanted=(1000,))
    yield case("ping behind it", closing(1000) + frame(PING, b"x"), wanted=(1000,))
    yield case("text behind it", closing(1000) + hello(), wanted=(1000,))
    yield case("rubbish behind it", closing(1000) + b"\xff" * 100, wanted=(1000,))


def limits() -> Iterator[Case]:
    """Yield groups 9 and 10: sizes."""
    yield case("one byte too many", hello(padded(LIMIT + 1)), wanted=(1009,))
    yield case("64 KiB", hello(padded(65536)), wanted=(1009,))
    start = frame(FIRST, padded(LIMIT)[:-1])
    yield case("just fits in fragments", start, frame(LAST, b"}"), wanted=("ready", 1000))
    yield case("too many bytes in fragments", start, frame(LAST, b" }"), wanted=(1009,))
    yield case("too many bytes without an end", start, frame(MORE, b"xx"), wanted=(1009,))
    yield case("empty frames without an end", frame(FIRST) + frame(MORE) * 2000, wanted=(1009,))
    promise = bytes([TEXT, 0xFF]) + struct.pack("!Q", 1 << 30) + MASK
    some = frame(TEXT, b"x" * 8192)[8:]
    yield case("a gigabyte is promised, some of it sent", promise + some, wanted=(1009,))


CASES = [
    each
    for group in (framing, pings, reserved, fragments, utf8, closes, limits)
    for each in (one._replace(name=f"{group.__name__}: {one.name}") for one in group())
]
