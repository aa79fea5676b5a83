"""What a daemon's process finds when it starts: signals, descriptors, limits, parent's death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from daemons.supervisor import procfs
from daemons.supervisor.child import Child, Launch

#: What these tests start carries it, and what those of others start at the same time does not.
MARK = f"test-{os.getpid()}/x.1/"
SHOW = """
import ctypes, json, os, resource, signal
death = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(death))
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines())
print(json.dumps({
    "death": death.value,
    "pid": os.getpid(),
    "listen": [os.environ.get("LISTEN_PID"), os.environ.get("LISTEN_FDS")],
    "gate": os.environ["GAVEL_GATE_FD"],
    "lifeline": os.environ["GAVEL_LIFELINE_FD"],
    "links": {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in range(3, 10) if os.path.exists(f"/proc/self/fd/{fd}")},
    "session": os.getsid(0),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "oom": open("/proc/self/oom_score_adj").read().strip(),
    "ignored": int(status["SigIgn"], 16),
    "blocked": int(status["SigBlk"], 16),
}))
"""


async def run_child(
    command: list[str], listen_fds: tuple[int, ...] = (), oom_score_adj: int = 0
) -> tuple[int, int, bytes]:
    """Run *command* as a daemon's process is; return its pid, exit code and output."""
    lifeline, ours = os.pipe()
    environment = dict(os.environ)
    launch = Launch(command, environment, MARK, listen_fds, lifeline, oom_score_adj)
    with trio.fail_after(120):
        child = Child(launch)
        async with trio.lowlevel.FdStream(child.output) as stream:
            output = b"".join([bytes(chunk) async for chunk in stream])
        await child.wait()
        code = await child.bury()
    os.close(lifeline)
    os.close(ours)
    return child.pid, code, output


async def test_child_finds_what_it_was_promised() -> None:
    """Sockets stand at 3 and up for exactly this pid; then the gate and the lifeline; no more."""
    first, second = os.memfd_create("first"), os.memfd_create("second")

    pid, code, output = await run_child(
        [sys.executable, "-I", "-S", "-c", SHOW], (second, first), 7
    )
    os.close(first)
    os.close(second)

    assert code == 0, output
    seen = json.loads(output)
    assert seen["pid"] == pid
    assert seen["listen"] == [str(pid), "2"]
    assert "second" in seen["links"].pop("3")
    assert "first" in seen["links"].pop("4")
    assert (seen["gate"], seen["lifeline"]) == ("5", "6")
    assert sorted(seen["links"]) == ["5", "6"]
    assert seen["session"] == pid
    assert seen["death"] == signal.SIGTERM
    assert seen["files"][0] == seen["files"][1]
    assert seen["oom"] == "7"
    assert seen["blocked"] == 0


async def test_child_ignores_no_signal() -> None:
    """A program that is no Python finds SIGPIPE and the like as the system has them."""
    _, code, output = await run_child(["/bin/cat", "/proc/self/status"])

    assert code == 0
    (ignored,) = [line.split()[1] for line in output.decode().splitlines() if "SigIgn" in line]
    # glibc has posix_spawn ignore its own signals 32 and 33, and GNU make starts us by it.
    assert int(ignored, 16) & ~(0b11 << 31) == 0


async def test_child_that_is_no_program_says_so() -> None:
    """A command that can't be run ends as a process does, with the reason in its output."""
    _, code, output = await run_child(["/no/such/program"])

    assert code == 1
    assert output == b"/no/such/program: No such file or directory\n"


async def test_bury_kills_whatever_the_child_started() -> None:
    """Children in the session and children in sessions of their own end with it."""
    script = "sleep 3600 & setsid sleep 3600 & setsid -f sleep 3600; exit 3"

    _, code, _ = await run_child_forgetting_output(["/bin/sh", "-c", script])

    assert code == 3
    marked = [
        each
        for each in procfs.processes()
        if not each.zombie and procfs.instance_of(each.pid).startswith(MARK)
    ]
    assert marked == []


async def run_child_forgetting_output(command: list[str]) -> tuple[int, int, bytes]:
    """Run *command*, whose children keep its output open."""
    lifeline, ours = os.pipe()
    with trio.fail_after(120):
        child = Child(Launch(command, dict(os.environ), MARK, (), lifeline))
        await child.wait()
        code = await child.bury()
    for fd in (child.output, lifeline, ours):
        os.close(fd)
    return child.pid, code, b""


def test_child_dies_with_its_parent() -> None:
    """When the starting process gets SIGKILL, the kernel ends the child, also long after the fork."""
    script = """
import os, time
from pathlib import Path
from daemons.supervisor.child import Child, Launch
import sys
lifeline, _ = os.pipe()
child = Child(Launch(["/bin/sleep", "3600"], dict(os.environ), "test/y.1/", (), lifeline))
# Trio's idle threads end after 10 s, and with them what they forked; this is what we rule out.
while Path(f"/proc/{child.pid}/comm").read_text() != "sleep\\n":
    time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(3600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        pidfd = os.pidfd_open(pid)
        parent.kill()
        parent.wait()
    try:
        trio.run(wait_for_end, pidfd)
    finally:
        os.close(pidfd)


async def wait_for_end(pidfd: int) -> None:
    """Wait for the end of a process, bounded."""
    with trio.fail_after(120):
        await trio.lowlevel.wait_readable(pidfd)


def test_process_with_a_hostile_name_is_read(tmp_path: Path) -> None:
    """A process may call itself anything, brackets and blanks too, and is still read right."""
    program = tmp_path / "a) S 1 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "3600"]) as process:
        try:
            seen = procfs.read_process(process.pid)
        finally:
            process.kill()

    assert seen is not None
    assert seen.parent == os.getpid()


@pytest.mark.parametrize("pid", [2**22 + 1])
def test_process_that_is_not_there_is_none(pid: int) -> None:
    """A pid above the kernel's maximum belongs to nobody."""
    assert procfs.read_process(pid) is None
    assert procfs.instance_of(pid) == ""


def test_kills_for_want_of_memory_are_counted(tmp_path: Path) -> None:
    """The kernel's own count is read, in both formats; where there is none it is nought."""
    v1, v2 = tmp_path / "memory.oom_control", tmp_path / "memory.events.local"
    v1.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    v2.write_text("low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n")

    assert procfs.count_oom_kills(v1) == 2
    assert procfs.count_oom_kills(v2) == 3
    assert procfs.count_oom_kills(tmp_path / "gone") == 0
    assert procfs.count_oom_kills(None) == 0
    ours = procfs.oom_counter(os.getpid())
    assert ours is None or "oom_kill" in ours.read_text()
    assert procfs.oom_counter(2**31 - 1) is None
