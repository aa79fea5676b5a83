"""The supervisor killed, restarts under load, storms of signals, and daemons that misbehave."""

from __future__ import annotations

import errno
import os
import signal
import socket
from contextlib import ExitStack
from typing import Any

import trio

from daemons.supervisor.client import NotRunning, Refused
from tests.faults.fault import MISBEHAVE, Setup, TooLate, fault
from tests.faults.ground import BACKOFF_INITIAL_S, QUICK, Ground
from tests.faults.outside import in_thread
from tests.faults.store import load
from tests.system.conftest import is_alive, processes_of, see, started

RESTARTS = 3
#: The worker may die so often; then it is held for longer than anybody looks.
FEW_DEATHS = f"""{QUICK}
[supervisor.worker]
intensity = {RESTARTS}
period_s = 600.0
backoff_max_s = 600.0
"""


def misbehaving(how: str) -> Setup:
    """Return a system whose worker misbehaves, with short deadlines and a limit of three deaths."""
    start_s = 2.0 if how == "hang" else 30.0
    return Setup(
        worker="\nprocesses = 1\nslots = 1",
        more=FEW_DEATHS
        + f"start_s = {start_s}\nstop_s = 2.0\n"
        + f"environment = {{ {MISBEHAVE}, GAVEL_MISBEHAVE = '{how}' }}\n",
        wait=how in ("deaf", "double-fork"),
        checked=False,
    )


@fault(7, "supervisor killed", Setup(checked=False))
async def kill_supervisor(ground: Ground) -> str:
    """SIGKILL of `gavel up` while programs run; then a new `gavel up` in the same folder."""
    user = ground.user("u1")
    ids = [await ground.submit(user, "import time\ntime.sleep(0.8)") for _ in range(4)]
    ports = {int(address.rpartition(":")[2]) for address in (ground.api, ground.gateway)}
    ground.look()
    ground.system.up.kill()
    ground.system.up.wait()
    # Held until the next one serves: no stranger is to come where our users still call.
    with ExitStack() as doors:

        def have_ended() -> bool:
            ports.difference_update([port for port in ports if take_port(port, doors)])
            return not ports and not any(map(is_alive, ground.seen))

        took_s = await ground.until(have_ended, "all have ended, and their ports are free", 6.0)
        again = started(
            ground.folder, worker=ground.setup.worker, more=QUICK, env=dict(os.environ),
        )  # fmt: skip
        async with in_thread(again) as system:
            ground.system = system
            await ground.find_addresses()
            await ground.judged(user, ids)
            await ground.settle()
            ground.look()
    return f"children gone after {took_s:.1f} s (bound 6), ports free, the next one judged the rest"


def take_port(port: int, doors: ExitStack) -> bool:
    """Bind a socket, which *doors* closes, to *port*; tell whether it was free."""
    door = doors.enter_context(socket.socket())
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind(("127.0.0.1", port))
    except OSError as exc:
        door.close()
        if exc.errno != errno.EADDRINUSE:
            raise
        return False
    return True


@fault(39, "everything restarted under load")
async def rolling(ground: Ground) -> str:
    """`restart` of api, gateway and worker, twice each, under load; a broken file at `reload`."""
    users = [ground.user(f"u{number}") for number in range(3)]
    over = trio.Event()
    config = ground.folder / "supervisor.toml"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load, ground, users, over)
        for daemon in ("worker", "gateway", "api") * 2:
            await ground.ask("restart", name=daemon)
            ground.expected[daemon] += 2 if daemon == "worker" else 1
        good, before = config.read_text(), await ground.status()
        reasons = []
        for broken in (good.replace("[worker]", "[worker]\nslot = 'many'"), good + "[worker\n"):
            config.write_text(broken)
            try:
                await ground.ask("reload")
            except Refused as exc:
                reasons.append(str(exc))
            else:
                raise AssertionError("a broken file was taken")
        config.write_text(good)
        after = await ground.status()
        assert not await ground.ask("reload"), "the old configuration is not the live one"
        assert pids_of(after) == pids_of(before)
        await ground.until(ground.ready, "everybody serves on")
        over.set()
    late = sum(user.late for user in users)
    lost = sum(user.refused for user in users) - late
    assert not lost, f"{lost} requests were refused or lost"
    if late:
        raise TooLate(f"{late} requests got no answer in time")
    accepted = {id_ for user in users for id_ in user.accepted}
    requeued = [
        event["reason"]
        for user in users
        for event in user.events.values()
        if event["type"] == "submission.requeued"
    ]
    assert set(requeued) <= {"released", "worker_lost"}, requeued
    await ground.settle()
    if "worker_lost" in requeued:
        raise TooLate("a lease ran out, though every worker gives back what it holds")
    # None: cancelled before anybody took it.
    tries = {(await ground.record(id_, "tries"))[0] or "0" for id_ in accepted}
    assert tries <= {"0", "1"}, f"tries {tries}: a drained run counted as one"
    for user in users:
        for id_ in user.accepted - set(user.rejudged):
            told = ground.told(user, id_)
            assert told.count("started") <= 1 + told.count("requeued"), f"{id_}: {told}"
    assert all("supervisor.toml" in reason for reason in reasons), reasons
    return (
        f"{len(accepted)} submissions, 0 requests failed, {len(requeued)} given back, no attempt"
        f" lost; {reasons[0].rpartition('/')[2][:60]}; not TOML: refused, too; nobody noticed"
    )


def pids_of(status: dict[str, Any]) -> dict[str, list[int]]:
    """Return the processes of each daemon."""
    daemons = status["daemons"].items()
    return {name: [each["pid"] for each in daemon["instances"]] for name, daemon in daemons}


@fault(39, "SIGTERM during the start, and a storm of it", Setup(wait=False, checked=False))
async def storm(ground: Ground) -> str:
    """SIGTERM of `gavel up` as it starts, and then again and again until it has ended."""
    up = ground.system.up
    await ground.until(lambda: len(processes_of(up.pid)) > 2, "it has begun to start")
    sent = 0
    while up.poll() is None:
        ground.look()
        up.terminate()
        sent += 1
        await trio.sleep(0.01)
    assert up.returncode == 0, ground.log()
    return f"{sent} signals; it ended in order, with 0"


async def worker_state(ground: Ground) -> tuple[str, str]:
    """Return the state of the worker and how its last process ended."""
    (one,) = await ground.instances("worker")
    ended = one["last_exit"] or {}
    return str(one["state"]), str(ended.get("reason", "")) + str(ended.get("code", ""))


async def held(ground: Ground, cause: str) -> None:
    """Wait until the worker is held for *cause*, and check that all the others serve."""

    async def is_held() -> bool:
        try:
            return (await worker_state(ground))[0] == "held"
        except (NotRunning, LookupError):
            return False  # it has not begun yet

    await ground.until(is_held, "held at its limit")
    assert cause in (await worker_state(ground))[1], await worker_state(ground)

    async def others() -> bool:
        daemons = (await ground.status())["daemons"]
        return all(
            one["ready"]
            for name in ("store", "gateway", "api")
            for one in daemons[name]["instances"]
        )

    await ground.until(others, "the others serve")


def deaths(ground: Ground, daemon: str) -> list[dict[str, Any]]:
    """Return what the supervisor has said of each death of *daemon*."""
    return [each for each in ground.logged("daemon died") if each["name"] == daemon]


def check_backoff(ground: Ground) -> str:
    """Check that each delay before a new start doubled, its spread allowed for; tell them."""
    delays = [each["delay_s"] for each in deaths(ground, "worker") if each["next"] == "backoff"]
    wanted = [BACKOFF_INITIAL_S * 2**turn for turn in range(RESTARTS)]
    # A spread of 15 %, and what the log rounds to hundredths.
    about = [
        abs(got - full) <= 0.15 * full + 0.006 for got, full in zip(delays, wanted, strict=True)
    ]
    assert all(about), f"delays {delays}, not about {wanted}"
    return "started again after " + ", ".join(f"{delay:g}" for delay in delays) + " s"


@fault(40, "a daemon that ends at once", misbehaving("exit"))
async def crash_loop(ground: Ground) -> str:
    """The worker exits with 3 as soon as it is started, each time."""
    await held(ground, "3")
    return f"{check_backoff(ground)}, then held; the others serve; status has exit code 3"


@fault(40, "a daemon that never gets ready", misbehaving("hang"))
async def never_ready(ground: Ground) -> str:
    """The worker hangs before it is ready, each time; `start_s` is 2."""
    await held(ground, "not ready within 2 s")
    return "killed at start_s each time, then held; the others serve; status says why"


@fault(40, "a daemon that dies when it is ready",
       Setup(worker="\nprocesses = 1\nslots = 1", checked=False, more=FEW_DEATHS))  # fmt: skip
async def ready_then_dies(ground: Ground) -> str:
    """SIGKILL of the worker whenever it is ready."""
    for place in range(RESTARTS + 1):

        async def up(restarts: int = place) -> bool:
            (one,) = await ground.instances("worker")
            return one["restarts"] == restarts and bool(one["ready"])

        await ground.until(up, f"ready for the {place + 1}. time")
        await ground.strike("worker", signal.SIGKILL)
    await held(ground, "killed by SIGKILL")
    return "held after 3 restarts; the others serve; status says SIGKILL"


@fault(40, "a daemon that ignores SIGTERM", misbehaving("deaf"))
async def deaf(ground: Ground) -> str:
    """`restart` of a worker that has SIGTERM blocked; `stop_s` is 2, its own drain time 5."""
    before = see(*await ground.pids("worker"))
    began = trio.current_time()
    await ground.ask("restart", name="worker")
    took_s = trio.current_time() - began
    assert "did not stop within" in ground.log()
    assert not is_alive(before)
    return f"killed at its deadline and replaced after {took_s:.1f} s"


@fault(40, "a daemon that forks twice", misbehaving("double-fork"))
async def double_fork(ground: Ground) -> str:
    """SIGKILL of a worker that has put a process into a session of its own, then a stop."""
    pid_file = ground.folder / "grandchild"
    await ground.until(pid_file.exists, "a grandchild")
    grandchild = see(int(pid_file.read_text()))
    ground.seen.add(grandchild)
    assert is_alive(grandchild)
    await ground.strike("worker", signal.SIGKILL)
    await ground.until(lambda: not is_alive(grandchild), "it ends with its daemon", 5.0)
    await ground.until(ground.ready, "a new worker")
    return "it ended with the daemon; the next one's ends with the stop"
