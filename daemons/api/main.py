"""The API daemon: the application under Hypercorn's Trio worker, from ready to drained.

`shutdown_trigger` is the only way in which the server is stopped: cancelling it would leave
requests without an answer.
"""

from __future__ import annotations

import logging
import socket
from functools import partial

import hypercorn.config
import structlog
import trio
from hypercorn.trio import serve

from daemons.api.app import create_app
from daemons.broker import open_broker, open_event_hub
from daemons.config import Address, Config, ConfigError
from daemons.service import Service, run_service
from judging.languages import load_languages
from judging.package import Catalogue, load_problems

log = structlog.get_logger()

#: Connections that the kernel holds while the loop is busy; more are refused under a burst.
_BACKLOG = 1024
#: From the end of Hypercorn's own drain to the service's cancel: answers are on the wire by then.
_MARGIN_S = 2.0


def run(config: Config) -> int:
    """Serve the API until asked to stop; return the exit code."""
    return run_service("api", partial(serve_api, config), drain_s=config.api.drain_s + _MARGIN_S)


async def serve_api(config: Config, service: Service) -> None:
    """Serve the API until `service.stopping` is set; return when the last request is answered.

    Raises:
        ConfigError: the address is taken, or tokens are asked for.
    """
    if config.auth.tokens_file is not None:
        # To let everyone in where tokens were asked for would be worse than not to start.
        raise ConfigError("[auth] tokens_file: the API can't check tokens yet; leave it out")
    catalogue = await trio.to_thread.run_sync(_load, config)
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
            catalogue=catalogue,
            languages=load_languages(),
            stopping=service.stopping,
        )
        hyper = hyper_config(config, service.sockets)
        trigger = service.stopping.wait
        binds = await nursery.start(partial(serve, app, hyper, shutdown_trigger=trigger))
        service.needs("the store", broker.redis)
        service.ready(f"{len(catalogue)} problems on {', '.join(binds)}")


def _load(config: Config) -> Catalogue:
    catalogue = load_problems(config.problem_dirs())
    for path, error in catalogue.errors.items():
        log.warning("problem package refused", package=str(path), reason=str(error))
    return catalogue


def hyper_config(config: Config, sockets: list[socket.socket]) -> hypercorn.config.Config:
    """Return Hypercorn's settings; it takes over *sockets*, or gets one on `[api] listen`.

    Raises:
        ConfigError: nobody can listen there.
    """
    hyper = hypercorn.config.Config()
    # Detached, because two owners would close the descriptor twice.
    hyper.bind = [f"fd://{each.detach()}" for each in sockets or [_listen(config.api.address)]]
    hyper.backlog = _BACKLOG
    hyper.graceful_timeout = config.api.drain_s
    hyper.include_server_header = False
    # Ours: its own handlers would write beside our log.
    hyper.errorlog = logging.getLogger("hypercorn.error")
    return hyper


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as exc:
        raise ConfigError(f"[api] listen: {address}: {exc.strerror}") from exc
