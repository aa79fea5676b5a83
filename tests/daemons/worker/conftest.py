"""Real workers (`gavel worker`) on a real store and the real sandbox, and what a test sees of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from daemons.broker import Broker, EventHub, StoreUnavailable, open_broker, open_event_hub
from daemons.config import Config, load_config
from protocol.messages import Submission, SubmissionRequest

ROOT = Path(__file__).parents[3]
#: More than any wait of these tests should take; a test that needs it has failed.
PATIENCE_S = 120.0
POLL_S = 0.02

PROBLEM_YAML = """\
problem_format_version: 2025-09
type: pass-fail
name: Echo
uuid: 6a3d8e3c-7d44-4dd8-9f4b-7a1c9a1b2c3d
license: cc0
limits:
  time_limit: TIME_S
"""

ECHO_C = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) {
    char line[99] = "";
    usleep(PAUSE_US);
    puts(fgets(line, sizeof line, stdin) ? line : "");
}
"""

#: Repeats the sample after a moment, and all else when it is told to, so that luck does not decide
#: what runs meanwhile.
HELD = r"""
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static volatile sig_atomic_t released;
static void release(int number) { released = number; }
int main(void) {
    char line[99] = "";
    fgets(line, sizeof line, stdin);
    signal(SIGUSR1, release);
    if (*line == 'h') usleep(100000); else while (!released) pause();
    puts(line);
}
"""


def echo_after(pause_s: float) -> str:
    """Return a C program that waits, then prints its line; on the host its process is `main`."""
    return ECHO_C.replace("PAUSE_US", str(int(pause_s * 1e6)))


def write_problem(folder: Path, problem_id: str = "echo", time_s: int = 1) -> None:
    """Write the package of a problem: two tests, a line in, the same line out.

    Whoever looks meanwhile sees none of it or all, and of one that is there whole files.
    """
    package = folder / "problems" / problem_id
    draft = package.with_name(f"_{problem_id}")
    for name, text in {
        "problem.yaml": PROBLEM_YAML.replace("TIME_S", str(time_s)),
        "statement/problem.en.md": "Print what you read.\n",
        "data/sample/1.in": "hello\n",
        "data/sample/1.ans": "hello\n",
        "data/secret/1.in": "a secret\n",
        "data/secret/1.ans": "a secret\n",
    }.items():
        path = draft / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if package.exists():
            path.rename(package / name)
    if package.exists():
        shutil.rmtree(draft)
    else:
        draft.rename(package)


class Worker:
    """One `gavel worker` process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def logs(self) -> list[dict[str, Any]]:
        """Return what it has logged, but for a line that is not whole yet."""
        whole = self._log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def logged(self, event: str) -> bool:
        """Tell whether it has logged *event*."""
        return any(event in line.get("event", "") for line in self.logs())

    def descendants(self) -> set[tuple[int, str]]:
        """Return pid and start time of all processes below it."""
        return {(pid, start) for pid, start, _ in _below(self.pid)}

    def programs(self) -> int:
        """Return how many submitted programs (`main`) run below it at the same moment."""
        found = {(pid, start) for pid, start, name in _below(self.pid) if name == "main"}
        # While it looked, one may have ended and another begun in its place.
        return len(still_alive(found))

    def above_program(self) -> tuple[int, int]:
        """Return the pids of the running program's run-init and of its cell-init."""
        [pid] = [pid for pid, _, name in _below(self.pid) if name == "main"]
        init = _parent(pid)
        return init, _parent(init)

    def release(self) -> None:
        """Tell each `HELD` program below it to end; one that does not wait yet may not hear it."""
        for pid, _, name in _below(self.pid):
            if name == "main" and _catches(pid, signal.SIGUSR1):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGUSR1)

    def launcher(self) -> int:
        """Return the pid of its sandbox's launcher: its only child."""
        return next(_below(self.pid))[0]

    def wardens(self) -> list[int]:
        """Return the pids of its slots' wardens: its launcher's children."""
        launcher = self.launcher()
        children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text()
        return [int(pid) for pid in children.split()]

    async def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        """Wait until it has ended and return the exit code."""
        with trio.fail_after(PATIENCE_S):
            return await trio.to_thread.run_sync(self.process.wait)


def _below(pid: int) -> Iterator[tuple[int, str, str]]:
    """Yield pid, start time and name of all processes below *pid*, but for what ends meanwhile."""
    for child in _children(pid):
        try:
            name, _, rest = Path(f"/proc/{child}/stat").read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield child, rest.split()[19], name.partition("(")[2]
        yield from _below(child)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _catches(pid: int, number: int) -> bool:
    """Tell whether *pid* has a handler for a signal."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def still_alive(processes: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those of *processes* (pid and start time) that live."""
    alive = set()
    for pid, start in processes:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat[19] == start and stat[0] != "Z":
            alive.add((pid, start))
    return alive


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until *condition* holds, also across a store that is away."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                found = condition()
                if found if isinstance(found, bool) else await found:
                    return
            except StoreUnavailable:
                pass
            await trio.sleep(POLL_S)


_WORKER = ("-m", "daemons.cli.main", "worker", "--config")


class Site:
    """A store, its workers, and the users' view of it."""

    def __init__(self, store: Any, folder: Path, broker: Broker, hub: EventHub) -> None:
        self.store = store
        self.folder = folder
        self.broker = broker
        self.hub = hub
        self.workers: list[Worker] = []

    def start_worker(
        self, *, lifeline: int | None = None, program: Sequence[str] = _WORKER, **settings: Any
    ) -> Worker:
        """Start a worker that lives as long as *lifeline*; *settings* are keys of `[worker]`.

        *program* is what Python runs, and takes the configuration as its last argument.
        """
        number = len(self.workers)
        config = write_config(self.folder, f"worker{number}.toml", self.store.url, settings)
        log = self.folder / f"worker{number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *program, str(config)],
                stderr=file,
                stdout=file,
                cwd=ROOT,
                env=os.environ
                | {"GAVEL_LOG": "json"}
                | ({} if lifeline is None else {"GAVEL_LIFELINE_FD": str(lifeline)}),
                pass_fds=[] if lifeline is None else [lifeline],
            )
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    async def open_worker(self, **settings: Any) -> Worker:
        """Start a worker and wait until it is ready."""
        worker = self.start_worker(**settings)
        await eventually(lambda: worker.logged("ready") or worker.process.poll() is not None)
        assert worker.process.poll() is None, worker.logs()
        return worker

    async def submit(
        self,
        code: str,
        language: str = "c",
        problem_id: str = "echo",
        user_id: str = "u1",
        request_id: str = "",
    ) -> str:
        """Submit a program and return the submission's id."""
        request = SubmissionRequest(
            problem_id=problem_id, user_id=user_id, language=language, code=code
        )
        return (await self.broker.submit(request, request_id=request_id)).submission.id

    async def run_for_ever(self, worker: Worker) -> str:
        """Submit a program that outlasts every patience, wait until it runs, return its id."""
        id_ = await self.submit(echo_after(10 * PATIENCE_S), problem_id="patient")
        await self.until(id_, "compiled")
        await eventually(lambda: worker.programs() == 1)
        return id_

    async def story(self, id_: str, user_id: str = "u1") -> list[dict[str, Any]]:
        """Return the events of a submission so far."""
        events = [json.loads(raw) for raw in (await self.broker.replay(user_id, None)).events]
        return [event for event in events if event["submission_id"] == id_]

    async def kinds(self, id_: str, user_id: str = "u1") -> list[str]:
        """Return the kinds of a submission's events so far."""
        return [e["type"].removeprefix("submission.") for e in await self.story(id_, user_id)]

    async def until(self, id_: str, kind: str, times: int = 1, user_id: str = "u1") -> None:
        """Wait until a submission's user has been told *kind* so many times."""

        async def told() -> bool:
            return (await self.kinds(id_, user_id)).count(kind) >= times

        await eventually(told)

    async def was_told(self, user_id: str, kind: str) -> bool:
        """Tell whether a user has been told of *kind*."""
        events = [json.loads(raw) for raw in (await self.broker.replay(user_id, None)).events]
        return f"submission.{kind}" in [event["type"] for event in events]

    async def verdict(self, id_: str, user_id: str = "u1") -> Submission:
        """Wait for the verdict and return the submission."""
        await self.until(id_, "judged", user_id=user_id)
        submission = await self.broker.get(id_)
        assert submission is not None
        return submission

    async def released(self, worker: Worker, id_: str) -> Submission:
        """Release what *worker* runs until the verdict is there, and return the submission."""

        async def judged() -> bool:
            worker.release()
            return "judged" in await self.kinds(id_)

        await eventually(judged)
        return await self.verdict(id_)

    async def stop(self) -> None:
        """End all workers, the store being there or not."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
            await worker.ended()


def write_config(folder: Path, name: str, url: str, settings: dict[str, Any]) -> Path:
    """Write a configuration with short times; *settings* are keys of `[worker]`."""
    worker = {
        "slots": 1, "lease_s": 15.0, "beat_s": 0.4, "sweep_s": 0.1, "limbo_s": 0.5, "drain_s": 20.0,
        "prepare": "false",
    } | settings  # fmt: skip
    lines = [f"[store]\nurl = {json.dumps(url)}", "[sandbox]\nself_test = false", "[worker]"]
    lines += [f"{key} = {value}" for key, value in worker.items()]
    lines += [f"[problems]\ndirs = [{json.dumps(str(folder / 'problems'))}]"]
    path = folder / name
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(autouse=True)
def _patient_hubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a store on a loaded host confirm the tests' subscriptions when it gets to it."""
    monkeypatch.setattr("daemons.broker.events._CONFIRM_S", PATIENCE_S)


@pytest.fixture
def config(store: Any) -> Config:
    """Give a worker's configuration on a store of its own."""
    write_problem(store.folder)
    write_problem(store.folder, "patient", time_s=1000)
    return load_config(write_config(store.folder, "gavel.toml", store.url, {}))


@pytest.fixture
async def site(store: Any, config: Config) -> AsyncIterator[Site]:
    """Give a site without workers yet."""
    async with open_site(store, config) as site:
        yield site


@asynccontextmanager
async def open_site(store: Any, config: Config) -> AsyncIterator[Site]:
    """Open a site; on leaving, its workers end."""
    with trio.fail_after(3 * PATIENCE_S):
        async with AsyncExitStack() as stack:
            broker = await stack.enter_async_context(open_broker(config, name="site"))
            hub = await stack.enter_async_context(open_event_hub(config, name="site-hub"))
            site = Site(store, store.folder, broker, hub)
            try:
                yield site
            finally:
                with trio.CancelScope(shield=True):
                    await site.stop()
