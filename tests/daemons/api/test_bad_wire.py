"""What no HTTP library would send: every shape has its exact answer, and the next client is served."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import pytest

from tests.daemons.api.conftest import Api
from tests.daemons.api.test_wire import BODY, talk

JSON = b"Content-Type: application/json"
OK = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#: Each piece of a body below is sent as one chunk: this is the whole body in two.
HALF = len(BODY) // 2
CHUNKS = b"%x\r\n%b\r\n%x\r\n%b\r\n" % (HALF, BODY[:HALF], len(BODY) - HALF, BODY[HALF:])


def get(target: bytes = b"/healthz", *headers: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    """Return a GET that ends its connection."""
    lines = [b"GET %b %b" % (target, version), b"Host: x", b"Connection: close", *headers]
    return b"\r\n".join([*lines, b"", b""])


def post(*headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    """Return a POST of a submission, told as JSON, that ends its connection."""
    first = b"POST /submissions " + version
    lines = [first, b"Host: x", b"Connection: close", JSON, *headers]
    return b"\r\n".join([*lines, b"", body])


def chunked(body: bytes, *headers: bytes) -> bytes:
    """Return a POST whose body is framed as *body* says."""
    return post(b"Transfer-Encoding: chunked", *headers, body=body)


def sized(length: bytes, body: bytes = BODY) -> bytes:
    """Return a POST of *body* with *length* as its Content-Length."""
    return post(b"Content-Length: " + length, body=body)


class Case(NamedTuple):
    """What is sent, and the statuses of all answers to it."""

    name: str
    sent: bytes
    statuses: tuple[int, ...]


def cases(*statuses: int, **sent: bytes) -> list[Case]:
    """Return cases that are all answered alike."""
    return [Case(name, data, statuses) for name, data in sent.items()]


REQUEST_LINES = [
    *cases(
        400,
        tls=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9 + b"\r\n\r\n",
        text=b"hello\r\n\r\n",
        redis=b"*1\r\n$4\r\nPING\r\n\r\n",
        no_version=b"GET /healthz\r\n\r\n",
        no_target=b"GET HTTP/1.1\r\nHost: x\r\n\r\n",
        two_blanks=get(b" /healthz"),
        tab=b"GET\t/healthz\tHTTP/1.1\r\nHost: x\r\n\r\n",
        blank_first=b" " + get(),
        blank_after=get(version=b"HTTP/1.1 "),
        version_long=get(version=b"HTTP/1.10"),
        version_words=get(version=b"HTTP/one"),
        version_lower=get(version=b"http/1.1"),
        lower_case=b"get" + get()[3:],
        nul=b"\0" * 40_000,
        empty_method=b" / HTTP/1.1\r\nHost: x\r\n\r\n",
        method_bytes=b"G\xc9T / HTTP/1.1\r\nHost: x\r\n\r\n",
        method_nul=b"G\0T / HTTP/1.1\r\nHost: x\r\n\r\n",
        method_bracket=b"(GET) / HTTP/1.1\r\nHost: x\r\n\r\n",
        target_bytes=get(b"/\xff"),
        target_nul=get(b"/\0"),
        target_blank=get(b"/a b"),
        target_bell=get(b"/\x07"),
        target_return=get(b"/a\rb"),
    ),
    *cases(200, version_12=get(version=b"HTTP/1.2")),
    *cases(505, version_09=get(version=b"HTTP/0.9"), version_2=get(version=b"HTTP/2.0"), http2=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    *cases(405, long_method=b"X" * 500 + get()[3:], connect=b"CONNECT" + get()[3:], trace=b"TRACE" + get()[3:]),
    *cases(431, long_target=get(b"/" + b"x" * 200_000), endless=b"G" * 40_000),
]  # fmt: skip


HEADERS = [
    *cases(
        400,
        no_host=b"GET / HTTP/1.1\r\n\r\n",
        two_hosts=get(b"/", b"Host: y"),
        no_colon=get(b"/", b"Broken"),
        blank_before_colon=get(b"/", b"X : y"),
        blank_in_name=get(b"/", b"X Y: z"),
        empty_name=get(b"/", b": y"),
        name_bytes=get(b"/", b"\xc9: y"),
        name_nul=get(b"/", b"X\0: y"),
        name_bracket=get(b"/", b"X[]: y"),
        value_nul=get(b"/", b"X: a\0b"),
        value_return=get(b"/", b"X: a\rb"),
        folded_first=b"GET / HTTP/1.1\r\n folded: x\r\nHost: x\r\n\r\n",
    ),
    *cases(
        200,
        bytes=get(b"/healthz", b"X: \xff\xfe"),
        bell=get(b"/healthz", b"X: a\x07b"),
        tabs=get(b"/healthz", b"X:\ta\t"),
        folded=get(b"/healthz", b"X: a\r\n b"),
        many=get(b"/healthz", *(b"X: y" for _ in range(500))),
        only_newlines=get().replace(b"\r\n", b"\n"),
        expect_nothing=get(b"/healthz", b"Expect: "),
        old_without_host=b"GET /healthz HTTP/1.0\r\n\r\n",
        origin_bytes=get(b"/healthz", b"Origin: \xff"),
        accept_bytes=get(b"/openapi.json", b"Accept-Encoding: \xff;q=x, gzip;q=-1"),
        etag_bytes=get(b"/problems", b'If-None-Match: W/"\xff, "'),
        range=get(b"/problems", b"Range: bytes=9-1"),
        cookie=get(b"/healthz", b"Cookie: " + b"a=b;" * 2000),
        http2_settings=get(b"/healthz", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
        authorization=get(b"/healthz", b"Authorization: Bearer \xff"),
        length_of_get=get(b"/healthz", b"Content-Length: 0"),
        forwarded=get(b"/healthz", b"X-Forwarded-For: \xff, ::1, " + b"9" * 500, b"X-Forwarded-Proto: x"),
    ),
    *cases(431, long_value=get(b"/", b"X: " + b"y" * 200_000), too_many=get(b"/", *(b"X: y" for _ in range(50_000)))),
    *cases(422, event_id=get(b"/submissions/x/events", b"Last-Event-ID: \xff"), key=post(b"Idempotency-Key: \xff", b"Content-Length: %d" % len(BODY), body=BODY)),
    *cases(400, websocket=get(b"/", b"Upgrade: websocket"), upgrade=get(b"/", b"Upgrade: WebSocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")),
]  # fmt: skip


TARGETS = [
    *cases(
        404,
        dot=get(b"/./healthz"),
        dots=get(b"/../healthz"),
        dots_packed=get(b"/%2e%2e/healthz"),
        slash_packed=get(b"/problems%2fecho%2f"),
        slash_last=get(b"/healthz/"),
        slashes=get(b"//problems//echo"),
        backslash=get(b"/\\healthz"),
        semicolon=get(b"/healthz;x=1"),
        fragment=get(b"/healthz#x"),
        percent=get(b"/healthz%"),
        percent_words=get(b"/%zz"),
        packed_twice=get(b"/%2568ealthz"),
        nul=get(b"/healthz%00"),
        newline=get(b"/healthz%0d%0aX:%20y"),
        not_utf8=get(b"/%ff%fe"),
        surrogate=get(b"/%ed%a0%80"),
        star=get(b"*"),
        word=get(b"x"),
        at=get(b"user@host"),
        template=get(b"/{{7*7}}"),
        upper=get(b"/HEALTHZ"),
        long=get(b"/" + b"x" * 15_000),
        other_url=get(b"http://x/nosuch"),
    ),
    *cases(
        200,
        url=get(b"http://x/healthz"),
        packed=get(b"/%68ealthz"),
        url_of_others=get(b"http://evil.example/healthz"),
        query=get(b"?a=b"),
        question_marks=get(b"/healthz???"),
        unknown_query=get(b"/healthz?a[]=%ff&&==&;"),
        many_queries=get(b"/healthz?" + b"a=b&" * 3000),
    ),
    *cases(
        422,
        list_percent=get(b"/submissions?user_id=%"),
        list_not_utf8=get(b"/submissions?user_id=%ff"),
        list_nul=get(b"/submissions?user_id=u%00"),
        list_plus=get(b"/submissions?user_id=a+b"),
        list_many=get(b"/submissions?" + b"user_id=u&" * 1500),
        list_name=get(b"/submissions?user_id=u&%00=1"),
        list_semicolon=get(b"/submissions?user_id=u;limit=5"),
        doubled_slash=get(b"//submissions"),
    ),
]  # fmt: skip


LENGTHS = [
    *cases(
        400,
        negative=sized(b"-1"),
        plus=sized(b"+%d" % len(BODY)),
        hexadecimal=sized(b"0x10"),
        fraction=sized(b"1.5"),
        exponent=sized(b"1e3"),
        word=sized(b"many"),
        nothing=sized(b""),
        underscore=sized(b"1_0"),
        wide_digits="POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Length: \uff11\r\n\r\n".encode(),
        other_digits=sized(b"\xd9\xa1"),
        huge=sized(b"9" * 40),
        two=post(b"Content-Length: 5", b"Content-Length: 6", body=BODY),
        listed=sized(b"5, 6"),
        both=post(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked", body=CHUNKS + b"0\r\n\r\n"),
        both_and_hidden=post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + OK),
        both_turned=post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + OK),
        chunks_of_old=post(b"Transfer-Encoding: chunked", body=CHUNKS + b"0\r\n\r\n", version=b"HTTP/1.0"),
        zero=sized(b"0", b""),
        short=sized(b"%d" % (len(BODY) - 1), BODY[:-1]),
    ),
    *cases(
        501,
        unknown=post(b"Transfer-Encoding: gzip", body=BODY),
        packed_chunks=post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS + b"0\r\n\r\n"),
        chunks_packed=post(b"Transfer-Encoding: chunked, gzip", body=CHUNKS + b"0\r\n\r\n"),
        identity=post(b"Transfer-Encoding: identity", body=BODY),
        twice=post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKS),
        vertical_tab=post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    ),
    *cases(
        413,
        declared=sized(b"300000", b"x" * 300_000),
        declared_alone=sized(b"99999999999", b""),
        in_chunks=chunked(b"%x\r\n" % 300_000 + b"x" * 300_000 + b"\r\n0\r\n\r\n"),
    ),
    *cases(202, same_twice=post(b"Content-Length: %d" % len(BODY), b"Content-Length: %d" % len(BODY), body=BODY)),
    *cases(202, old=post(b"Content-Length: %d" % len(BODY), body=BODY, version=b"HTTP/1.0")),
    *cases(202, upper=post(b"TRANSFER-ENCODING: CHUNKED", body=CHUNKS + b"0\r\n\r\n")),
    *cases(400, missing=post(body=BODY)),
    *cases(415, without_type=b"POST /submissions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
]  # fmt: skip


CHUNKED = [
    *cases(
        202,
        whole=chunked(CHUNKS + b"0\r\n\r\n"),
        extension=chunked(CHUNKS + b"0;name=value\r\n\r\n"),
        zeros=chunked(CHUNKS + b"0000\r\n\r\n"),
        trailer=chunked(CHUNKS + b"0\r\nX: y\r\n\r\n"),
        trailer_length=chunked(CHUNKS + b"0\r\nContent-Length: 5\r\n\r\n"),
        bytes=chunked(b"".join(b"1\r\n%c\r\n" % each for each in BODY) + b"0\r\n\r\n"),
    ),
    *cases(
        400,
        empty=chunked(b"0\r\n\r\n"),
        word=chunked(b"zz\r\n"),
        negative=chunked(b"-1\r\n"),
        prefixed=chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
        no_size=chunked(b"\r\nhello\r\n"),
        huge=chunked(b"f" * 30 + b"\r\n"),
        too_short=chunked(b"2\r\nhello\r\n0\r\n\r\n"),
        bare_newline=chunked(b"2\r\n{}\n0\r\n\r\n"),
        trailer_blank=chunked(CHUNKS + b"0\r\nX : y\r\n\r\n"),
        trailer_nul=chunked(CHUNKS + b"0\r\nX: \0\r\n\r\n"),
        comma=chunked(b"2,2\r\n{}\r\n0\r\n\r\n"),
        other_digits=chunked(b"\xd9\xa1\r\nx\r\n0\r\n\r\n"),
    ),
    *cases(431, trailer_long=chunked(CHUNKS + b"0\r\nX: " + b"y" * 40_000), size_long=chunked(b"2;" + b"x" * 40_000)),
]  # fmt: skip


PIPELINES = [
    *cases(200, 200, two=get().replace(b"Connection: close\r\n", b"") + OK),
    *cases(202, 400, behind_a_post=post(b"Content-Length: %d" % len(BODY), body=BODY).replace(b"Connection: close\r\n", b"") + b"G\0T / HTTP/1.1\r\n\r\n"),
    *cases(404, 200, error_first=b"GET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n" + OK),
    *cases(405, 200, body_of_delete=b"DELETE /problems HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n" + b"x" * 40 + OK),
    *cases(200, 200, body_of_get=b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + OK),
    *cases(200, after_the_close=get() + OK),
    *cases(400, both_then_more=post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n").replace(b"Connection: close\r\n", b"") + OK),
    *cases(100, 202, body_at_once=post(b"Expect: 100-continue", b"Content-Length: %d" % len(BODY), body=BODY)),
    *cases(202, unknown_expectation=post(b"Expect: tea", b"Content-Length: %d" % len(BODY), body=BODY)),
]  # fmt: skip

ALL = {
    "request line": REQUEST_LINES,
    "header": HEADERS,
    "target": TARGETS,
    "length": LENGTHS,
    "chunk": CHUNKED,
    "pipeline": PIPELINES,
}


def answers_in(received: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return status, head and body of each answer in *received*."""
    parts = re.split(rb"(?=HTTP/1\.1 \d{3} )", received)[1:]
    return [(int(part[9:12]), *part.partition(b"\r\n\r\n")[::2]) for part in parts]


@pytest.mark.parametrize("group", ALL)
async def test_wrong_bytes_have_their_answer(
    api: Api, group: str, subtests: pytest.Subtests
) -> None:
    """Each shape gets the statuses that it should; an error is a problem in plain words."""
    for case in ALL[group]:
        with subtests.test(case.name):
            answers = answers_in(await talk(api, case.sent))

            assert tuple(status for status, _, _ in answers) == case.statuses
            for status, head, body in answers:
                if status >= 400:
                    assert b"application/problem+json" in head
                    problem = json.loads(body)
                    assert problem["status"] == status
                    assert len(problem["detail"]) > 10
    assert (await api.get("/healthz")).status_code == 200
