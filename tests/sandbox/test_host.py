"""The life of a sandbox: deaths, cancellation, misuse; after each, nothing survives."""

import json
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from sandbox import (
    Blob,
    Grade,
    Image,
    Job,
    Limits,
    RunStatus,
    Sandbox,
    SandboxError,
    host,
    launched,
    open_sandbox,
)

from .conftest import MODES, Start
from .drive import IMAGE, descendants, launcher_groups, wait_until

LIMITS = Limits(time_s=5, wall_s=10, memory_bytes=256 << 20, output_bytes=1 << 20)
LOOP = Job(argv=("/bin/sh", "-c", "(sleep 1000 &); while :; do :; done"), env={"PATH": "/bin"}, limits=LIMITS)  # fmt: skip
ECHO = Job(argv=("/bin/echo", "fine"), limits=LIMITS)

open_box: Callable[..., AbstractAsyncContextManager[Sandbox]] = partial(
    open_sandbox, slots=1, image=IMAGE, grade=Grade.REDUCED
)


def is_alive(pid: int) -> bool:
    """Tell whether *pid* is a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("mode", MODES)
async def test_worker_killed_leaves_nothing(mode: str, start: Start) -> None:
    """Row 107. When the worker is killed, launcher, programs and groups are gone within a moment."""
    worker = start(mode, "worker.py")
    try:
        report = json.loads(await trio.to_thread.run_sync(worker.stdout.readline))
        assert len(report["pids"]) > 10
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()

    with trio.fail_after(120):
        await wait_until(lambda: not any(map(is_alive, report["pids"])))
        await wait_until(lambda: not any(map(os.path.exists, report["groups"])))


async def test_launcher_killed_fails_run_and_is_replaced() -> None:
    """A killed launcher makes SandboxError of the run in progress; the next run is as ever."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            (box,) = sandbox.boxes
            everything = descendants(os.getpid())
            with pytest.RaisesGroup(pytest.RaisesExc(SandboxError, match="^launcher")):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(box.run, LOOP)
                    await wait_for_loop()
                    everything += descendants(os.getpid())
                    os.kill(everything[0], signal.SIGKILL)
            await wait_until(lambda: not any(map(is_alive, everything)))
            result = await box.run(ECHO)
    assert (result.status, result.stdout) == (RunStatus.OK, b"fine\n")
    assert descendants(os.getpid()) == []


async def test_stale_groups_are_removed_by_the_next_launcher() -> None:
    """Control groups of a launcher that was killed vanish when the next one starts."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            everything = descendants(os.getpid())
            os.kill(everything[0], signal.SIGKILL)
            await wait_until(lambda: not any(map(is_alive, everything)))
            # Other launchers of this host may be killed just now.
            stale = [path for path in launcher_groups() if owner_of(path) == everything[0]]
            assert os.geteuid() != 0 or stale != []
            with pytest.raises(SandboxError):
                await sandbox.boxes[0].run(ECHO)
            await sandbox.boxes[0].run(ECHO)
            assert not any(path.exists() for path in stale)


def owner_of(group: Path) -> int:
    """Return the process whose control group it is."""
    return int(group.name.split("-")[1])


def count_descriptors() -> int:
    """Return how many descriptors this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def wait_for_loop() -> None:
    """Wait until the endless program's background child runs."""
    await wait_until(lambda: any("sleep" in name_of(pid) for pid in descendants(os.getpid())))


def name_of(pid: int) -> str:
    """Return the name of *pid*, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def test_run_cancelled_kills_everything_at_once() -> None:
    """Cancelling a run ends all its processes before Cancelled goes on; the box stays usable."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            (box,) = sandbox.boxes
            for _ in range(5):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(box.run, LOOP)
                    await wait_for_loop()
                    nursery.cancel_scope.cancel()
                assert not any("sleep" in name_of(pid) for pid in descendants(os.getpid()))
                result = await box.run(ECHO)
                assert (result.status, result.stdout) == (RunStatus.OK, b"fine\n")


async def test_run_cancelled_before_it_started_leaves_the_box_usable() -> None:
    """A run in a scope that is already cancelled changes nothing."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            with trio.CancelScope() as scope:
                scope.cancel()
                await sandbox.boxes[0].run(ECHO)
            assert scope.cancelled_caught
            assert (await sandbox.boxes[0].run(ECHO)).stdout == b"fine\n"


async def test_box_refuses_a_second_run() -> None:
    """A box runs one job at a time; a second one is the caller's bug."""
    with trio.fail_after(120):
        async with open_box() as sandbox, trio.open_nursery() as nursery:
            nursery.start_soon(sandbox.boxes[0].run, LOOP)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError):
                await sandbox.boxes[0].run(ECHO)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "/etc/passwd", "a\0b", "x" * 256])
async def test_run_refuses_names_that_are_paths(name: str) -> None:
    """Files go into the box by plain names only, and come out of it so."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            for change in ({"files": {name: b""}}, {"collect": (name,)}):
                job = Job(argv=("/bin/true",), limits=LIMITS, **change)
                with pytest.raises(SandboxError):
                    await sandbox.boxes[0].run(job)
            assert (await sandbox.boxes[0].run(ECHO)).stdout == b"fine\n"


async def test_open_sandbox_refuses_an_image_that_does_not_exist() -> None:
    """A path that the host lacks is named, with the step and errno."""
    with trio.fail_after(120), pytest.raises(SandboxError) as raised:
        async with open_sandbox(slots=1, image=Image(("/usr", "/no/such")), grade=Grade.REDUCED):
            pass
    assert raised.value.step == "image"
    assert descendants(os.getpid()) == []


async def test_run_of_missing_program_names_the_host() -> None:
    """An argv that the image lacks is the host's fault, with its errno."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            job = Job(argv=("/usr/bin/no-such-compiler",), limits=LIMITS)
            with pytest.raises(SandboxError, match="execve: No such file"):
                await sandbox.boxes[0].run(job)
            assert (await sandbox.boxes[0].run(ECHO)).stdout == b"fine\n"


async def test_run_hands_files_through() -> None:
    """An artefact of one run goes into the next as it came out, executable bit included."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            (box,) = sandbox.boxes
            made = await box.run(Job(
                argv=("/bin/sh", "-c", "cp /bin/echo tool; echo x > a.class; echo y > b.class"),
                env={"PATH": "/bin"}, limits=LIMITS, collect=("tool", "*.class", "missing"),
            ))  # fmt: skip
            assert sorted(made.files) == ["a.class", "b.class", "tool"]
            assert made.files["tool"].executable
            with pytest.raises(PermissionError):
                os.pwrite(made.files["tool"].fd, b"x", 0)
            used = await box.run(Job(argv=("/box/tool", "moved"), files={"tool": made.files["tool"]}, limits=LIMITS))  # fmt: skip
            assert used.stdout == b"moved\n"
            for blob in made.files.values():
                blob.close()


async def test_warden_that_hangs_costs_its_run_and_nothing_of_the_callers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No answer in time is SandboxError; files that the caller lent are his, and still open."""
    monkeypatch.setattr(host, "_OVERDUE_S", 0.0)
    monkeypatch.setattr(launched, "_KILL_S", 0.1)
    hasty = Limits(time_s=5, wall_s=1, memory_bytes=256 << 20, output_bytes=1 << 20)
    with trio.fail_after(120), Blob.from_bytes(b"lent") as lent:
        async with open_box() as sandbox:
            (box,) = sandbox.boxes
            _launcher, *stuck = descendants(os.getpid())
            os.kill(stuck[0], signal.SIGSTOP)
            with pytest.raises(SandboxError, match="no answer in time"):
                await box.run(Job(argv=("/bin/cat",), stdin=lent, limits=hasty))
            assert lent.read() == b"lent"
            assert (await box.run(ECHO)).stdout == b"fine\n"
            await wait_until(lambda: not any(map(is_alive, stuck)))
    assert descendants(os.getpid()) == []


async def test_run_returns_large_output_whole() -> None:
    """Output up to the cap arrives byte for byte, also when it is too long for a frame."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            data = os.urandom(1 << 20)
            with Blob.from_bytes(data) as stdin:
                for _ in range(2):
                    result = await sandbox.boxes[0].run(
                        Job(argv=("/bin/cat",), stdin=stdin, limits=LIMITS)
                    )
                    assert (result.status, result.stdout) == (RunStatus.OK, data)


async def test_runs_leave_no_descriptor_open() -> None:
    """The worker holds as many descriptors after a hundred runs as before."""
    with trio.fail_after(120):
        async with open_box() as sandbox:
            (box,) = sandbox.boxes
            await box.run(ECHO)
            before = count_descriptors()
            for _ in range(100):
                await box.run(ECHO)
            assert count_descriptors() == before
