"""The process `gateway`: opens the store, the sockets and the gateway, in this order."""

from __future__ import annotations

import socket
from functools import partial

import trio

from daemons.broker import open_broker, open_event_hub
from daemons.broker.metrics import publish_metrics
from daemons.config import Config, ConfigError
from daemons.gateway.garbage import survivors_spared
from daemons.gateway.server import Gateway
from daemons.service import Service, run_service
from daemons.tokens import open_tokens

#: Beyond `close_s`, for the last positions, and for what is cancelled then to close.
_MARGIN_S = 3.0
_BACKLOG = 4096


def run(config: Config) -> int:
    """Run the gateway as this process's one purpose and return the exit code."""
    drain_s = config.gateway.close_s + _MARGIN_S
    with survivors_spared():
        return run_service("gateway", partial(serve, config), drain_s=drain_s)


async def serve(config: Config, service: Service) -> None:
    """Serve WebSockets until *service* stops; a store that is away does not matter.

    Raises:
        ConfigError: the address can't be listened on, or the file of tokens not be read.
    """
    tokens = open_tokens(config)
    async with (
        open_broker(config, name="gateway") as broker,
        open_event_hub(config, name="gateway-events") as events,
        trio.open_nursery() as nursery,
    ):
        listeners = await open_listeners(config, service.sockets)
        gateway = Gateway(config.gateway, broker, events, tokens)
        nursery.start_soon(publish_metrics, broker, "gateway")
        async with trio.open_nursery() as serving:
            await serving.start(gateway.serve, listeners, service.stopping)
            service.needs("the store", broker.redis)
            service.ready(f"listening on {', '.join(map(_name_of, listeners))}")
        nursery.cancel_scope.cancel(reason="all clients are gone")


async def open_listeners(
    config: Config, inherited: list[socket.socket]
) -> list[trio.SocketListener]:
    """Return listeners on the *inherited* sockets, or on `[gateway] listen` when there are none.

    Raises:
        ConfigError: that address is taken, or not of this machine.
    """
    if inherited:
        for each in inherited:
            each.setblocking(False)
        return [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in inherited]
    host, port = config.gateway.address
    try:
        return await trio.open_tcp_listeners(port, host=host, backlog=_BACKLOG)
    except OSError as exc:
        raise ConfigError(f"[gateway] listen: {config.gateway.listen}: {exc}") from exc


def _name_of(listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"{host}:{port}"
