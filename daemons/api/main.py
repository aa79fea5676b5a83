"""The API daemon: everything that the application needs, from ready to drained."""

from __future__ import annotations

import logging
import socket
from functools import partial

import hypercorn.config
import trio

from daemons.api.app import create_app
from daemons.api.server import serve
from daemons.broker import open_broker, open_event_hub
from daemons.broker.metrics import publish_metrics
from daemons.config import Address, Config, ConfigError
from daemons.problems import open_problems
from daemons.service import Service, run_service
from daemons.tokens import open_tokens
from judging.languages import load_languages

#: Connections that the kernel holds while the loop is busy; more are refused under a burst.
_BACKLOG = 1024
#: From the end of the server's own drain to the service's cancel: answers are on the wire by then.
_MARGIN_S = 2.0


def run(config: Config) -> int:
    """Serve the API until asked to stop; return the exit code."""
    return run_service("api", partial(serve_api, config), drain_s=config.api.drain_s + _MARGIN_S)


async def serve_api(config: Config, service: Service) -> None:
    """Serve the API until `service.stopping` is set; return when the last request is answered.

    Raises:
        ConfigError: the address is taken, or `[auth] tokens_file` is no file of tokens.
    """
    tokens = open_tokens(config)
    problems = await open_problems(config)
    async with (
        open_broker(config, name="gavel-api") as broker,
        open_event_hub(config, name="gavel-api-events") as hub,
        trio.open_nursery() as nursery,
    ):
        await broker.check_promise()
        app = create_app(
            config,
            broker=broker,
            hub=hub,
            catalogue=problems.catalogue,
            languages=load_languages(),
            tokens=tokens,
            stopping=service.stopping,
        )
        listeners = open_listeners(config, service.sockets)
        nursery.start_soon(publish_metrics, broker, "api")
        nursery.start_soon(problems.serve)
        names = ", ".join(map(_name_of, listeners))
        async with trio.open_nursery() as serving:
            run = partial(serve, app, hyper_config(), listeners, service.stopping)
            await serving.start(partial(run, drain_s=config.api.drain_s))
            service.needs("the store", broker.redis)
            service.ready(f"{len(problems.catalogue)} problems on {names}")
        nursery.cancel_scope.cancel(reason="the last request is answered")


def hyper_config() -> hypercorn.config.Config:
    """Return Hypercorn's settings."""
    settings = hypercorn.config.Config()
    settings.include_server_header = False
    # Ours: its own handlers would write beside our log.
    settings.errorlog = logging.getLogger("hypercorn.error")
    return settings


def open_listeners(config: Config, inherited: list[socket.socket]) -> list[trio.SocketListener]:
    """Return listeners on the *inherited* sockets, or on `[api] listen` when there are none.

    Raises:
        ConfigError: nobody can listen there.
    """
    found = []
    # Detached, because two owners would close the descriptor twice.
    for each in [socket.socket(fileno=each.detach()) for each in inherited] or [
        _listen(config.api.address)
    ]:
        each.setblocking(False)
        found.append(trio.SocketListener(trio.socket.from_stdlib_socket(each)))
    return found


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as exc:
        raise ConfigError(f"[api] listen: {address}: {exc.strerror}") from exc


def _name_of(listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"http://{Address(host, port)}"
