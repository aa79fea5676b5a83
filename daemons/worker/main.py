"""The worker daemon: opens store, sandbox and problems, and keeps its slots busy until a stop."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from functools import partial

import structlog
import trio

from daemons.broker import (
    Broker,
    Claims,
    StoreUnavailable,
    open_broker,
    open_event_hub,
    open_foreign_list,
    open_intake,
)
from daemons.broker.metrics import publish_metrics
from daemons.config import Config, ConfigError
from daemons.problems import Problems, open_problems
from daemons.service import Service, run_service
from daemons.worker.adopter import Adopter
from daemons.worker.alive import worker_name
from daemons.worker.builds import Builds
from daemons.worker.cores import take_cores
from daemons.worker.holdings import Holdings
from daemons.worker.inspector import Inspector
from daemons.worker.keeper import Keeper
from daemons.worker.kept import KeepTests
from daemons.worker.prepare import open_builds, prepare_all
from daemons.worker.programs import open_boxes
from daemons.worker.selftest import test_boxes
from daemons.worker.slots import Slots
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from protocol.messages import LanguageInfo, WorkerInfo
from sandbox import Grade, Sandbox, SandboxError

log = structlog.get_logger()

#: What is left to say to the store after the drain, before the process is cancelled whole.
_AFTER_DRAIN_S = 3.0
_LOOK_S = 0.5
#: A store that is there and so slow to take the first sign of life is not waited for any longer.
_SHOW_S = 5.0


def run(config: Config) -> int:
    """Run a worker until SIGTERM and return the exit code."""
    return run_service(
        "worker", partial(_main, config), drain_s=config.worker.drain_s + _AFTER_DRAIN_S
    )


async def _main(config: Config, service: Service) -> None:
    problems = await _open_problems(config)
    toolchains = await find_toolchains(load_languages().values())
    if not toolchains:
        raise ConfigError("no language: neither an interpreter nor a compiler was found")
    slots = config.worker.slots or os.cpu_count() or 1
    async with AsyncExitStack() as stack:
        name = stack.enter_context(worker_name())
        broker = await stack.enter_async_context(open_broker(config, name=name))
        await broker.check_promise()
        builds = await open_builds(config)
        cores = stack.enter_context(take_cores(slots)) if config.worker.pin else ()
        opening = open_boxes(
            toolchains.values(), slots=slots, grade=_least_grade(config), cores=cores
        )
        try:
            sandbox = await stack.enter_async_context(opening)
        except SandboxError as exc:
            if exc.step != "grade":
                raise  # what failed may pass or be mended: the next start tries again
            raise ConfigError(f"[sandbox] grade: {exc}") from exc
        log.info("slots open", slots=slots, cores=list(cores) or "any")
        if sandbox.grade.value != config.sandbox.grade:
            log.warning(
                "weaker than [sandbox] grade", grade=sandbox.grade.value, mend="gavel doctor"
            )
        inspector = Inspector(sandbox.boxes, enabled=config.sandbox.self_test, tell=service.status)
        if config.sandbox.self_test:
            await test_boxes(sandbox, toolchains)
            await inspector.inspect_first(sandbox.boxes)
        await _serve(service, broker, sandbox, inspector, problems, toolchains, builds, name)


async def _serve(
    service: Service,
    broker: Broker,
    sandbox: Sandbox,
    inspector: Inspector,
    problems: Problems,
    toolchains: dict[str, Toolchain],
    builds: Builds,
    name: str,
) -> None:
    config = broker.config
    claims = Claims(broker, name)
    holdings = Holdings(config.worker.lease_s)
    slots = Slots(claims, holdings, sandbox, inspector, problems, toolchains, builds, config.limits)

    def describe() -> WorkerInfo:
        return WorkerInfo(
            name=name,
            slots=slots.count - len(inspector.closed),
            busy=slots.busy,
            closed=inspector.reasons,
            grade=sandbox.grade.value,
            judging_s=slots.judging_s,
            languages=tuple(_info(toolchain) for toolchain in toolchains.values()),
        )

    keeper = Keeper(broker, claims, holdings, describe)
    adopter = Adopter(broker, claims, problems, toolchains)
    async with (
        open_intake(broker, name=f"{name}-intake") as intake,
        open_foreign_list(broker, name=f"{name}-foreign") as foreign,
        open_event_hub(config, name=f"{name}-control") as hub,
        trio.open_nursery() as attendants,
    ):
        attendants.start_soon(publish_metrics, broker, "worker")
        for duty in (keeper.beat, keeper.sweep, keeper.clean):
            attendants.start_soon(duty)
        attendants.start_soon(adopter.serve, foreign)
        attendants.start_soon(problems.serve)
        for partition in broker.partitions:
            attendants.start_soon(keeper.obey, hub, partition)
        attendants.start_soon(prepare_all, toolchains.values(), builds, sandbox.show)
        attendants.start_soon(_drain, service, holdings, config.worker.drain_s)
        service.needs("the store", broker.redis)
        if broker.redis.connected:
            # Who hears that all is ready may ask at once who judges, and in which languages.
            with trio.move_on_after(_SHOW_S):
                await keeper.shown.wait()
        service.ready(f"{slots.count} slots, {', '.join(toolchains)}, grade {sandbox.grade.value}")
        await slots.serve(intake, service.stopping)
        attendants.cancel_scope.cancel(reason="all slots are done")
    try:
        await claims.hide()
    except StoreUnavailable:
        log.info("store away at the end; this worker's name expires by itself")


async def _drain(service: Service, holdings: Holdings, drain_s: float) -> None:
    """Give back what is not judged *drain_s* after the stop, or before the process must end."""
    await service.stopping.wait()
    due = trio.current_time() + drain_s
    # Looked at now and then, because the supervisor's death brings the end nearer.
    while (left_s := min(due, service.stop_by - _AFTER_DRAIN_S) - trio.current_time()) > 0:  # noqa: ASYNC110
        await trio.sleep(min(left_s, _LOOK_S))
    holdings.drop_all("drain")


async def _open_problems(config: Config) -> Problems:
    folder = config.path(config.worker.cache_dir) / "tests"
    try:
        load = KeepTests(folder)
    except OSError as exc:
        raise ConfigError(f"[worker] cache_dir: {folder}: {exc.strerror}") from exc
    return await open_problems(config, load)


def _least_grade(config: Config) -> Grade:
    """Return the least grade that is accepted: on loopback a weak host is used with a warning."""
    if config.sandbox.grade == "full" and not config.loopback_only:
        return Grade.FULL
    return Grade.REDUCED


def _info(toolchain: Toolchain) -> LanguageInfo:
    language = toolchain.language
    return LanguageInfo(
        id=language.id,
        name=language.name,
        version=toolchain.version,
        extensions=language.extensions,
    )
