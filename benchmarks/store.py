"""A store for measurements, and what the submit script costs beside a bare LPUSH."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import redis
import trio

from benchmarks.measure import Comparison, Effort, benchmark, durations
from daemons.broker import open_broker
from daemons.config import Config, load_config
from daemons.supervisor.store import store_command, wait_for_store
from protocol.messages import SubmissionRequest

_START_S = 10.0
_CONFIG = """
[store]
listen = ""
[limits]
open_per_user = 1000000
queue_depth = 1000000
"""
_REQUEST = SubmissionRequest(
    problem_id="two-sum", user_id="bench", language="python", code="print(1)\n" * 40
)


@asynccontextmanager
async def open_store() -> AsyncIterator[Config]:
    """Run an embedded store with the shipped settings in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="gavel-bench-") as folder:
        file = Path(folder) / "supervisor.toml"
        file.write_text(_CONFIG)
        config = load_config(file)
        async with trio.open_nursery() as nursery:
            run = partial(
                trio.run_process,
                store_command(config),
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            process = await nursery.start(run)
            with trio.fail_after(_START_S):
                await wait_for_store(config.store_socket)
            try:
                yield config
            finally:
                process.send_signal(signal.SIGTERM)


@benchmark(
    "submit",
    ours="broker.submit: record, index, history, event, LPUSH and PUBLISH in one script, on disk",
    bare="LPUSH of the same request, on disk",
)
async def submit(effort: Effort) -> Comparison:
    """One call after the other; both wait for the disk, as `appendfsync always` makes them."""
    async with open_store() as config, open_broker(config, name="bench") as broker:
        with redis.Redis.from_url(config.store_url(), protocol=3) as bare:

            async def submit_ours() -> None:
                await broker.submit(_REQUEST)

            def push_bare() -> None:
                bare.lpush("bench", _REQUEST.code or "")

            return await durations(submit_ours, push_bare, effort.rounds)
