"""Whoever of the sandbox's own processes dies, the error says who, how, and how far it had come."""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio

from sandbox import (
    Box,
    Grade,
    Interpreter,
    Job,
    Limits,
    RunStatus,
    SandboxError,
    frames,
    open_sandbox,
)
from sandbox.attack import COMMAND
from sandbox.handle import CellHandle

from .census import children
from .drive import BASE, IMAGE, PER_SLOT, descendants, wait_until

PATIENCE_S = 60
LIMITS = Limits(time_s=50, wall_s=50, memory_bytes=256 << 20, output_bytes=1 << 20)
ECHO = Job(argv=("/bin/echo", "fine"), limits=LIMITS)
SLEEP = Job(argv=("/bin/sleep", "40"), limits=LIMITS)

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="an ordinary user's cell is closed to inspection, its pids unknown"
)
in_both = pytest.mark.parametrize("interpreter", [None, COMMAND], ids=["init", "interpreter"])


@asynccontextmanager
async def open_box(interpreter: Interpreter | None = None) -> AsyncIterator[Box]:
    """Open one box, with all runs parked; on leaving it must still be fit for a run."""
    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, interpreter=interpreter
        ) as sandbox:
            await wait_until(lambda: len(descendants(os.getpid())) == BASE + PER_SLOT)
            yield sandbox.boxes[0]
            result = await sandbox.boxes[0].run(ECHO)
            assert (result.status, result.stdout) == (RunStatus.OK, b"fine\n")


def find_cell() -> int:
    """Return the pid of the one cell-init below this process."""
    pid = os.getpid()
    for _ in ("launcher", "warden", "cell-init"):
        [pid] = children(pid)
    return pid


async def kill_all(pids: list[int]) -> None:
    """Kill *pids* and wait until they are gone, their parents' knowledge of it included."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: not is_any_there(pids))


def is_any_there(pids: list[int]) -> bool:
    """Tell whether one of *pids* is a process, or a dead one that nobody has waited for."""
    return any(Path(f"/proc/{pid}").exists() for pid in pids)


@as_root
@in_both
async def test_init_killed_while_parked(interpreter: Interpreter | None) -> None:
    """The job that comes next learns why it can't run, and the one after it runs."""
    async with open_box(interpreter) as box:
        await kill_all(children(find_cell()))
        with pytest.raises(SandboxError) as raised:
            await box.run(ECHO)
        assert str(raised.value) == "run-init: was killed by SIGKILL while parked"


@as_root
async def test_child_killed_while_parked() -> None:
    """As the kernel does when the host is out of memory: no program is blamed that never began."""
    async with open_box() as box:
        inits = children(find_cell())
        for init in inits:
            os.kill(*children(init), signal.SIGKILL)
        await wait_until(lambda: not is_any_there(inits))  # they have told it, and ended
        with pytest.raises(SandboxError) as raised:
            await box.run(ECHO)
        assert str(raised.value) == "park: the child was killed by SIGKILL while parked"


@as_root
@in_both
async def test_init_killed_at_its_start(interpreter: Interpreter | None) -> None:
    """Killed as soon as it is there, wherever that is."""
    async with open_box(interpreter) as box:
        cell = find_cell()
        known = set(children(cell))
        await box.run(ECHO)
        await wait_until(lambda: not set(children(cell)) <= known)
        await kill_all(list(set(children(cell)) - known))
        await box.run(ECHO)
        with pytest.raises(
            SandboxError,
            match=r"^run-init: was killed by SIGKILL "
            r"(at its start|during its confinement|while parked)$",
        ):
            await box.run(ECHO)


@as_root
@pytest.mark.parametrize(
    ("victim", "reason"),
    [
        ("run-init", "run-init: was killed by SIGKILL after go"),
        ("cell-init", "cell-init: was killed by SIGKILL, and with it a run after go"),
    ],
)
async def test_init_killed_under_a_program(victim: str, reason: str) -> None:
    """The run in progress says which of those above it has died."""
    async with open_box() as box:
        cell = find_cell()

        async def kill() -> None:
            await wait_until(lambda: any(map(is_sleep, descendants(cell))))
            [program] = filter(is_sleep, descendants(cell))
            [init] = [init for init in children(cell) if program in children(init)]
            os.kill({"run-init": init, "cell-init": cell}[victim], signal.SIGKILL)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            with pytest.raises(SandboxError) as raised:
                await box.run(SLEEP)
        assert str(raised.value) == reason


def is_sleep(pid: int) -> bool:
    """Tell whether *pid* is the program `sleep`."""
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
    except (FileNotFoundError, ProcessLookupError):
        return False


@as_root
@in_both
async def test_init_that_has_ended_is_reaped_at_once(interpreter: Interpreter | None) -> None:
    """Not when the next run is asked for: how it ended is of interest before."""
    async with open_box(interpreter) as box:
        cell = find_cell()
        for _ in range(20):
            await box.run(ECHO)
            await wait_until(lambda: not any(map(is_zombie, children(cell))))


def is_zombie(pid: int) -> bool:
    """Tell whether *pid* has ended and nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@as_root
@in_both
async def test_fork_refused_costs_the_run_that_was_to_be(interpreter: Interpreter | None) -> None:
    """Runs that are parked already go on; the one that could not be forked says why."""
    async with open_box(interpreter) as box:
        resource.prlimit(find_cell(), resource.RLIMIT_NPROC, (1, 1))
        for _ in range(2):
            assert (await box.run(ECHO)).status is RunStatus.OK
        with pytest.raises(
            SandboxError, match=r"^run namespaces: Resource temporarily unavailable"
        ):
            await box.run(ECHO)


@contextmanager
def take_for_cell(code: str) -> Iterator[tuple[CellHandle, socket.socket]]:
    """Start a Python that is as cell-init to a warden, with its socket's number in `sys.argv`."""
    ours, theirs = frames.make_pair()
    words, printed = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    command = [sys.executable, "-c", code, str(theirs.fileno())]
    process = subprocess.Popen(command, stderr=printed, pass_fds=[theirs.fileno()])
    os.close(printed)
    try:
        with ours:
            theirs.close()
            yield CellHandle(ours, process.pid, words), ours
    finally:
        process.wait()
        os.close(words)


def wait_for_end(sock: socket.socket) -> None:
    """Wait until whoever is at the other end has ended, and leave what it said."""
    poll = select.poll()
    poll.register(sock, select.POLLHUP)
    assert poll.poll(PATIENCE_S * 1000)


ANEW = """
import socket, sys
sock = socket.socket(fileno=int(sys.argv[1]))
while sock.recv(100):
    sock.send(b"U")
"""


def test_interpreters_that_start_anew_never_fill_the_socket() -> None:
    """Each says that it stands; unread, some 280 such words would make the next one wait."""
    with take_for_cell(ANEW) as (handle, sock):
        sock.settimeout(PATIENCE_S)
        for number in range(600):
            handle.park(number, [0])
            assert select.select([sock], [], [], PATIENCE_S)[0]


def test_last_words_reach_the_error() -> None:
    """What a process printed when it died, such as an interpreter's fatal error, is in the text."""
    code = (
        "import os; os.write(2, b'x' * 9000 + b'\\nFatal Python error: no memory\\n'); os._exit(3)"
    )
    with take_for_cell(code) as (handle, sock):
        wait_for_end(sock)
        text = str(handle.explain_end())
    assert text.startswith("cell-init: ended with exit code 3; it said: xxx")
    assert text.endswith("x\nFatal Python error: no memory")
    assert len(text) < 500


def test_unexpected_error_is_told_with_its_place() -> None:
    """No memory, or a bug of ours: the other end learns what and where."""
    code = """
import socket, sys
from sandbox import run
try:
    [].pop()
except IndexError as exc:
    run.fail(socket.socket(fileno=int(sys.argv[1])), "cell-init", exc)
"""
    with take_for_cell(code) as (handle, sock):
        wait_for_end(sock)
        text = str(handle.explain_end())
    told = "IndexError: pop from empty list (<string>:5) (cell-init ended with exit code 120)"
    assert text == f"cell-init: {told}"
