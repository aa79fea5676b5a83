"""A worker on another machine whose way to the store is cut; what it had is judged by another."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tests.daemons.broker.conftest import Proxy
from tests.faults.crashes import ENDLESS
from tests.faults.fault import Setup, TooLate, fault
from tests.faults.ground import QUICK, TRIES, Ground
from tests.system.conftest import CONFIG, GAVEL, ROOT, Seen, is_alive, processes_of

ONE_WORKER = "\nprocesses = 1\nslots = 1"
#: The system's own worker stands still for a while, and is not to be killed for it.
UNWATCHED = QUICK.replace("[sandbox]", "watchdog_s = 600.0\n[sandbox]")
#: Of the remote worker, who must let go in 13 of 15 parts of it; a program may run for longer.
LEASE_S = 1.5
#: Of the others, who may begin what it held when this is over.
OTHERS_S = 3.0


class Remote:
    """A worker as on another machine: its own process, its own way to the store."""

    def __init__(self, ground: Ground, proxy: Proxy) -> None:
        self.proxy = proxy
        folder = ground.folder / "remote"
        folder.mkdir()
        config = CONFIG.format(
            problems=ROOT / "problems", api="", gateway="", worker=ONE_WORKER, store=f'url = "{proxy.url}"',
            more="[sandbox]\nself_test = false\n",
        ).replace("lease_s = 3.0", f"lease_s = {LEASE_S}")  # fmt: skip
        (folder / "supervisor.toml").write_text(config)
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [GAVEL, "worker"], cwd=folder, stdout=log, stderr=log, env=os.environ
            )

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text()

    def end(self) -> int:
        """Stop it and return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(40)
        finally:
            self.process.kill()


@asynccontextmanager
async def open_remote(ground: Ground) -> AsyncIterator[Remote]:
    """Halt the system's own worker and start a remote one, which then takes what comes."""
    assert ground.store is not None
    proxy = Proxy(str(ground.store.socket))
    await ground.nursery.start(proxy.serve)
    halted = await ground.strike("worker", signal.SIGSTOP)
    remote = Remote(ground, proxy)
    try:
        await ground.until(lambda: '"event": "ready"' in remote.log(), "the remote worker")

        async def gone() -> bool:
            return not await is_popping(ground, halted)

        await ground.until(gone, "what the halted one waits with has ended")
        yield remote
    finally:
        proxy.blackhole = False
        proxy.cut()
        with trio.CancelScope(shield=True):
            code = await trio.to_thread.run_sync(remote.end)
    assert code == 0, remote.log()


async def is_popping(ground: Ground, worker: int) -> bool:
    """Tell whether *worker*, a pid, waits at the store for a submission."""
    clients = await ground.asked(lambda: ground.broker.redis.call(("CLIENT", "LIST")))
    return bool(re.search(rf"(?m)^.* name=\S*-{worker}-\S*-intake .* flags=\S*b", clients.decode()))


@fault(21, "partition between worker and store", Setup(server="valkey", worker=ONE_WORKER, more=UNWATCHED))  # fmt: skip
async def partition(ground: Ground) -> str:
    """Everything between a worker with a running program and the store is swallowed, for 3 leases."""
    user = ground.user("u1")
    async with open_remote(ground) as remote:
        id_ = await ground.submit(user, ENDLESS)
        pid = await ground.worker_of(id_)
        assert pid == remote.process.pid
        await ground.until(lambda: "compiled" in ground.told(user, id_), "it runs")
        remote.proxy.blackhole = True
        begun = trio.current_time()
        boxes: set[Seen] = set()

        def has_let_go() -> bool:
            boxes.update(processes_of(pid))
            return "no heartbeat got through" in remote.log()

        fenced_s = await ground.until(has_let_go, "it lets go by itself", OTHERS_S)
        await ground.until(lambda: not all(map(is_alive, boxes)), "what it ran ends")
        await ground.strike("worker", signal.SIGCONT)
        await ground.judged(user, [id_])
        await trio.sleep_until(begun + 6 * LEASE_S)
        remote.proxy.blackhole = False
        remote.proxy.cut()
        await ground.judged(user, [await ground.submit(user, "print(1)") for _ in range(5)])
        assert ground.told(user, id_).count("judged") == 1
        await ground.check_attempts([id_], 2)
    return f"it let go after {fenced_s:.1f} s (bound {OTHERS_S:g}), the other judged; no late word counted"


@fault(22, "partition while a worker waits in BRPOP", Setup(server="valkey", worker=ONE_WORKER, more=UNWATCHED))  # fmt: skip
async def swallowed(ground: Ground) -> str:
    """The store answers a waiting BRPOP into a partition; the element reaches nobody."""
    user = ground.user("u1")
    async with open_remote(ground) as remote:
        for _ in range(TRIES):
            await ground.until(
                lambda: is_popping(ground, remote.process.pid), "the worker waits in BRPOP"
            )
            remote.proxy.blackhole = True
            id_ = await ground.submit(user, "print(1)")
            if not await ground.broker.redis.call(("LLEN", "q:{0}:normal")):
                break
            # It was between two pops: another time.
            remote.proxy.blackhole = False
            remote.proxy.cut()
            await ground.judged(user, [id_])
        else:
            raise TooLate(f"{TRIES} times it waited no more when the submission came")
        await ground.strike("worker", signal.SIGCONT)
        took_s = await ground.judged(user, [id_], 5.0)
        await ground.check_attempts([id_], 1)
    return f"swallowed, and judged {took_s:.1f} s later (bound 5), attempt 1"
