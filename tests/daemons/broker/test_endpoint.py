"""Where the store is and who we are to it: addresses, TLS, passwords, databases, long socket paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
import redis
import trio
import trustme

from daemons.broker import StoreUnavailable
from daemons.broker.client import open_redis
from daemons.broker.endpoint import Endpoint
from tests.conftest import SERVERS, StoreProcess, held_port
from tests.daemons.broker.conftest import PATIENCE_S, eventually, open_proxy


async def ask(url: str, *command: str, wait_s: float = PATIENCE_S) -> object:
    """Return the reply to one command on a client of its own."""
    with trio.fail_after(PATIENCE_S):
        async with open_redis(url, name="test", wait_s=wait_s) as client:
            return await client.call(command)


async def refusal(url: str) -> str:
    """Return with what reason a client of *url* says that it has no connection."""
    with trio.fail_after(PATIENCE_S):
        async with open_redis(url, name="test", wait_s=0) as client:
            await eventually(lambda: "not connected yet" not in str(client._reason))
            with pytest.raises(StoreUnavailable) as caught:
                await client.call(("PING",))
            return str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://h", "redis://h:6379"),
        ("redis://u:secret@h:7000/3", "redis://h:7000"),
        ("rediss://:secret@h:7000", "rediss://h:7000"),
        ("redis://[::1]:7000", "redis://[::1]:7000"),
        ("unix:///run/a%20b.sock?db=2", "unix:///run/a b.sock"),
        ("unix://:secret@/run/s.sock", "unix:///run/s.sock"),
    ],
)
def test_address_is_told_without_secrets(url: str, told: str) -> None:
    """Errors and logs name the place, never the password."""
    assert str(Endpoint(url)) == told


@pytest.mark.parametrize("url", ["http://h", "h:6379", "", "redis://h:port"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """A wrong address is a mistake to be told at once, not a store that is away."""
    with pytest.raises(ValueError):
        open_redis(url, name="test")


async def test_connection_shows_its_name_database_and_protocol(any_store: StoreProcess) -> None:
    """An operator sees in CLIENT LIST which daemon holds which connection."""
    async with open_redis(f"{any_store.url}?db=3", name="gavel-api") as client:
        await client.call(("SET", "here", 1))
        with redis.Redis.from_url(any_store.url) as operator:
            shown = [each for each in operator.client_list() if each["name"] == "gavel-api"]
            assert operator.get("here") is None
            operator.select(3)
            assert operator.get("here") == b"1"

    assert [(each["db"], each["resp"]) for each in shown] == [("3", "3")]


async def test_database_number_of_tcp_addresses(store: StoreProcess) -> None:
    """`redis://host:port/N` chooses database N."""
    async with open_proxy(store) as proxy:
        await ask(f"{proxy.url}/5", "SET", "here", "1")

    assert await ask(f"{store.url}?db=5", "GET", "here") == b"1"


async def test_missing_database_is_told(store: StoreProcess) -> None:
    """A database that the server has not says so, instead of landing in another."""
    assert "SELECT refused" in await refusal(f"{store.url}?db=99")


@pytest.mark.parametrize("server", SERVERS)
async def test_password_of_the_default_user(
    server: str, start_store: Callable[..., StoreProcess]
) -> None:
    """`requirepass`: the right password enters, a wrong one and none are told apart."""
    password = "p@ss/w:rd %"
    path = start_store("--requirepass", password, server=server).socket

    assert await ask(f"unix://:{quote(password, safe='')}@{path}", "ECHO", "in") == b"in"
    wrong = await refusal(f"unix://:secret@{path}")
    assert "WRONGPASS" in wrong
    assert "secret" not in wrong
    assert "has another user or password" in wrong
    none = await refusal(f"unix://{path}")
    assert "NOAUTH" in none
    assert "give the password in [store] url" in none


async def test_user_of_an_access_list(any_store: StoreProcess) -> None:
    """A user of the server's access list is who we are then."""
    await ask(any_store.url, "ACL", "SETUSER", "gavel", "on", ">s3cret", "~*", "&*", "+@all")

    url = f"unix://gavel:s3cret@{any_store.socket}"
    assert await ask(url, "ACL", "WHOAMI") == b"gavel"
    assert "WRONGPASS" in await refusal(f"unix://nobody:s3cret@{any_store.socket}")


async def test_socket_path_longer_than_an_address(store: StoreProcess) -> None:
    """A unix socket is reached however deep its folder lies."""
    folder = store.folder / ("deep" * 20) / ("deeper" * 20)
    folder.mkdir(parents=True)
    moved = store.socket.rename(folder / "store.sock")
    assert len(str(moved)) > 200

    assert await ask(f"unix://{quote(str(moved))}", "ECHO", "in") == b"in"


async def test_absent_servers_are_told_by_their_address(tmp_path: Path) -> None:
    """Nobody there: the reason names the place and the cause."""
    assert await refusal(f"unix://{tmp_path}/none.sock") == (
        f"unix://{tmp_path}/none.sock: [Errno 2] No such file or directory"
    )
    assert await refusal(f"unix://{tmp_path}/{'none' * 40}/s") == (
        f"unix://{tmp_path}/{'none' * 40}/s: [Errno 2] No such file or directory: "
        f"'{tmp_path}/{'none' * 40}'"
    )
    with held_port() as port:
        refused = await refusal(f"redis://127.0.0.1:{port}")
    assert refused.startswith(f"redis://127.0.0.1:{port}: ")
    assert "refused" in refused


class TlsStore(NamedTuple):
    """A server that listens with TLS, and the files for its clients."""

    port: int
    authority: Path
    client: Path
    stranger: Path

    def url(self, **options: object) -> str:
        """Return its address with the client's *options*."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"rediss://localhost:{self.port}?{query}"


@pytest.fixture
def start_tls(
    start_store: Callable[..., StoreProcess], tmp_path: Path
) -> Iterator[Callable[..., TlsStore]]:
    """Give a function that starts a server with TLS, for a host name and with more options.

    Redis alone: the embedded Valkey is built without TLS.
    """

    def start(*options: str, host: str = "localhost") -> TlsStore:
        authority, port = trustme.CA(), stack.enter_context(held_port())
        tls = TlsStore(port, *(tmp_path / f"{name}.pem" for name in ("ca", "client", "stranger")))
        authority.cert_pem.write_to_path(str(tls.authority))
        trustme.CA().cert_pem.write_to_path(str(tls.stranger))
        authority.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(str(tls.client))
        certificate = tmp_path / "server.pem"
        authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(str(certificate))
        start_store(
            *("--tls-port", str(port), "--tls-cert-file", str(certificate)),
            *("--tls-key-file", str(certificate), "--tls-ca-cert-file", str(tls.authority)),
            *options,
            server="redis",
        )
        return tls

    with ExitStack() as stack:
        yield start


OPEN = ("--tls-auth-clients", "no")


async def test_tls_carries_commands_of_any_size(start_tls: Callable[..., TlsStore]) -> None:
    """Over TLS all is as over a bare socket, also what does not fit one record."""
    tls = start_tls(*OPEN)
    word = b"x" * 1_000_000
    replies = []

    async def echo(number: int) -> None:
        replies.append(await client.call(("ECHO", word + b"%d" % number)))

    url = tls.url(ssl_ca_certs=tls.authority)
    with trio.fail_after(PATIENCE_S):
        async with (
            open_redis(url, name="test", wait_s=PATIENCE_S, reply_s=PATIENCE_S) as client,
            trio.open_nursery() as nursery,
        ):
            for number in range(10):
                nursery.start_soon(echo, number)

    assert sorted(replies) == [word + b"%d" % number for number in range(10)]


async def test_tls_refuses_a_server_that_it_cannot_trust(
    start_tls: Callable[..., TlsStore],
) -> None:
    """An unknown authority or another host's certificate: no connection, and the reason."""
    tls = start_tls(*OPEN, host="elsewhere")

    unknown = await refusal(tls.url(ssl_ca_certs=tls.stranger))
    assert "certificate verify failed" in unknown
    assert "?ssl_ca_certs=FILE" in unknown
    assert "Hostname mismatch" in await refusal(tls.url(ssl_ca_certs=tls.authority))
    unchecked = tls.url(ssl_ca_certs=tls.authority, ssl_check_hostname="false")
    assert await ask(unchecked, "ECHO", "in") == b"in"
    assert await ask(tls.url(ssl_cert_reqs="none"), "ECHO", "in") == b"in"


async def test_tls_shows_its_own_certificate(start_tls: Callable[..., TlsStore]) -> None:
    """A server that wants a certificate gets ours; without one it lets nobody in."""
    tls = start_tls("--tls-auth-clients", "yes")
    trusted = tls.url(ssl_ca_certs=tls.authority)

    assert "certificate required" in await refusal(trusted)
    assert await ask(f"{trusted}&ssl_certfile={tls.client}", "ECHO", "in") == b"in"


async def test_bare_socket_to_a_tls_port_is_told(start_tls: Callable[..., TlsStore]) -> None:
    """Forgetting the second s of `rediss` gives an error, not a hang."""
    tls = start_tls(*OPEN)

    told = await refusal(f"redis://127.0.0.1:{tls.port}")
    assert "127.0.0.1" in told
    assert "write rediss://" in told


async def test_tls_to_a_bare_port_is_told(store: StoreProcess) -> None:
    """An s too many likewise."""
    async with open_proxy(store) as proxy:
        assert "write redis://" in await refusal(f"rediss://127.0.0.1:{proxy.port}")


async def test_unreadable_authority_is_told_by_its_file(tmp_path: Path) -> None:
    """A certificate file that is not there is named."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with listeners[0]:
        told = await refusal(f"rediss://127.0.0.1:{port}?ssl_ca_certs={tmp_path}/none.pem")

    assert f"{tmp_path}/none.pem" in told
