"""Where the store is and how to greet it: `redis://`, `rediss://`, `unix://` addresses.

redis-py parses the address (host, port, database, user, password, TLS options), so that its
documentation is ours too; opening the stream is Trio's.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import Any

import trio
from redis.connection import parse_url

#: sun_path holds 108 bytes with its final NUL.
_UNIX_PATH_BYTES = 107


_SIGNED = "name who signed its certificate: rediss://HOST:PORT?ssl_ca_certs=FILE"
#: What the operator should do about a failure to connect, by words of its reason.
_FIXES = {
    "NOAUTH": "give the password in [store] url, as redis://:PASSWORD@HOST or //USER:PASSWORD@HOST",
    "WRONGPASS": "[store] url has another user or password than the server",
    "self-signed certificate": _SIGNED,
    "local issuer certificate": _SIGNED,
}
#: What a server says to the wrong kind of client, by whether we spoke TLS.
_MISTAKEN = {
    True: ("no connection within", "if the server speaks no TLS there, write redis://"),
    False: ("reset by peer", "if the server speaks TLS there, write rediss://"),
}


class Endpoint:
    """One store's address.

    Raises:
        ValueError: *url* is no address of a store.
    """

    def __init__(self, url: str) -> None:
        self._tls = url.startswith("rediss://")
        self._options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        self._options.pop("connection_class", None)
        self.path: str | None = self._options.get("path")
        self.host: str = self._options.get("host", "localhost")
        self.port: int = self._options.get("port", 6379)

    def __str__(self) -> str:
        """Return the address without its password."""
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self._tls else 'redis'}://{host}:{self.port}"

    def describe(self, failure: object) -> str:
        """Return the address, why it is of no use, and what to do about it where that is known."""
        reason = str(failure)
        known = [*_FIXES.items(), *([] if self.path else [_MISTAKEN[self._tls]])]
        fixes = [fix for words, fix in known if words in reason]
        return f"{self}: " + "; ".join([reason, *fixes[:1]])

    async def open_stream(self) -> trio.abc.Stream:
        """Connect and, for TLS, shake hands.

        Raises:
            OSError: nobody answers. trio.BrokenResourceError: the TLS handshake failed.
        """
        if self.path:
            return await _open_unix(self.path)
        context = self._context() if self._tls else None
        stream = await trio.open_tcp_stream(self.host, self.port)
        if context is None:
            return stream
        secure = trio.SSLStream(stream, context, server_hostname=self.host)
        try:
            await secure.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(secure)
            raise
        return secure

    def greeting(self, name: str) -> Iterator[tuple[str | int, ...]]:
        """Yield the commands that open the conversation."""
        hello: tuple[str, ...] = ("HELLO", "3")
        if password := self._options.get("password"):
            hello += ("AUTH", self._options.get("username") or "default", password)
        yield (*hello, "SETNAME", name)
        if database := self._options.get("db"):
            yield ("SELECT", database)
        # HELLO is answered by a server that still loads its data, which answers nothing else.
        yield ("PING",)

    def _context(self) -> ssl.SSLContext:
        options = self._options
        files = [options.get(name) for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")]
        try:
            context = ssl.create_default_context(cafile=files[0])
            if files[1]:
                context.load_cert_chain(files[1], files[2])
        except OSError as exc:  # which does not tell the file
            raise OSError(f"{exc.strerror}: {', '.join(filter(None, files))}") from exc
        if str(options.get("ssl_cert_reqs", "required")) in ("none", "0"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif "ssl_check_hostname" in options:
            context.check_hostname = bool(options["ssl_check_hostname"])
        return context


async def _open_unix(path: str) -> trio.SocketStream:
    """Connect to the socket at *path*, however long the path is."""
    if len(os.fsencode(path)) <= _UNIX_PATH_BYTES:
        return await trio.open_unix_socket(path)
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        return await trio.open_unix_socket(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)
