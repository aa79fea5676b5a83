"""`make load`: how much one, and two processes of the API take, by wrk on the same machine.

Nobody judges meanwhile, so that what is measured is the API and the store: every submission is on
disk before its 202, as the shipped settings have it. wrk runs on the same cores and is paid for, so
the rates are of this machine at this hour. What the API itself needs of a core for one request
depends less on who else is there: a core's worth of requests a second is one over that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import httpx2
import trio
from rich.console import Console
from rich.table import Table

from benchmarks.endurance import INHERIT
from benchmarks.store import open_store
from benchmarks.verdict import make_site
from daemons.broker import Claims, open_broker
from daemons.config import load_config
from protocol.messages import LanguageInfo, WorkerInfo

_START_S = 60.0
#: Each line of wrk's report that counts.
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_COUNT = re.compile(r"(\d+) requests in")
_WRONG = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*")
_PERCENTILE = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_CONFIG = """
[store]
url = "{url}"
[worker]
beat_s = 200
lease_s = 400
[limits]
open_per_user = 1000000
queue_depth = 10000000
"""
#: Submissions of many users, as wrk has them made.
_POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local sent = 0
function request()
  sent = sent + 1
  local user = '"u' .. sent % 1000 .. '"'
  return wrk.format(nil, nil, nil, '{"problem_id": "sum", "language": "python", "user_id": '
    .. user .. ', "code": "a, b = map(int, input().split())\\\\nprint(a + b)\\\\n"}')
end
"""


class Load(NamedTuple):
    """What wrk saw, and what the API used for it."""

    requests: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float = 0.0


@asynccontextmanager
async def open_site() -> AsyncIterator[Path]:
    """Run a store, with a worker that only says that it lives; gives the configuration."""
    async with open_store() as stored:
        folder = Path(stored.base)
        make_site(folder)
        file = folder / "supervisor.toml"
        file.write_text(_CONFIG.format(url=stored.store_url()))
        python = LanguageInfo(id="python", name="Python", version="3", extensions=(".py",))
        worker = WorkerInfo(
            name="w1", slots=2, busy=0, grade="full", judging_s=0.01, languages=(python,)
        )
        async with open_broker(load_config(file), name="load") as broker:
            await Claims(broker, "w1").show(worker, 1)
        yield file


@contextmanager
def running_apis(file: Path, count: int) -> Iterator[tuple[str, list[int]]]:
    """Run *count* processes of the API on one socket; gives their address and pids."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as door, ExitStack() as stack:
        fd = door.fileno()
        command = [sys.executable, "-c", INHERIT, str(fd), "api", "--config", str(file)]
        pids = []
        for _ in range(count):
            process = subprocess.Popen(command, pass_fds=(fd,), stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            pids.append(process.pid)
        yield "http://{}:{}".format(*door.getsockname()), pids


async def run_wrk(
    url: str, pids: list[int], connections: int, seconds: int, script: Path | None = None
) -> Load:
    """Let wrk ask *url*, which *pids* serve, for *seconds*."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += [] if script is None else ["-s", str(script)]
    before_s = cpu_s(pids)
    done = await trio.run_process([*command, url], capture_stdout=True)
    used_s = cpu_s(pids) - before_s
    made = read_report(done.stdout.decode())
    return made._replace(cpu_ms=used_s / made.requests * 1e3)


def cpu_s(pids: list[int]) -> float:
    """Return the CPU time that *pids* have used so far."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for pid in pids]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def read_report(text: str) -> Load:
    """Return what wrk's report *text* tells.

    Raises:
        click.ClickException: an answer was an error, so the figures are of something else.
    """
    rate, count, wrong = _RATE.search(text), _COUNT.search(text), _WRONG.search(text)
    if rate is None or count is None or wrong is not None:
        raise click.ClickException(f"wrk: {wrong[0] if wrong else text}")
    percentiles = {name: float(at) * _UNITS_MS[u] for name, at, u in _PERCENTILE.findall(text)}
    return Load(int(count[1]), float(rate[1]), percentiles["50"], percentiles["99"])


async def measure(processes: int, connections: int, seconds: int) -> dict[str, Load]:
    """Return what *processes* take, by request."""
    async with open_site() as file:
        script = file.parent / "post.lua"
        script.write_text(_POST)
        with running_apis(file, processes) as (address, pids):
            async with httpx2.AsyncClient(
                base_url=address, timeout=_START_S, trust_env=False
            ) as client:
                request = {
                    "problem_id": "sum", "user_id": "u", "language": "python", "code": "x"
                }  # fmt: skip
                path = (await client.post("/submissions", json=request)).headers["Location"]
            run = partial(run_wrk, pids=pids, connections=connections, seconds=seconds)
            # Once for nothing: the other processes are starting, too.
            await run(f"{address}/healthz")
            return {
                "`POST /submissions`": await run(f"{address}/submissions", script=script),
                "`GET /submissions/{id}`": await run(address + path),
                "`GET /problems/{id}`": await run(f"{address}/problems/sum"),
                "`GET /healthz`": await run(f"{address}/healthz"),
            }


@click.command()
@click.option("--connections", default=16, show_default=True)
@click.option("--seconds", default=5, show_default=True, help="For each figure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def load(connections: int, seconds: int, *, as_json: bool) -> None:
    """Measure the API with one process, then with two."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is missing; install it with: apt-get install wrk")
    found = {count: trio.run(measure, count, connections, seconds) for count in (1, 2)}
    if as_json:
        document = {
            count: {name: made._asdict() for name, made in loads.items()}
            for count, loads in found.items()
        }
        click.echo(json.dumps(document, indent=2))
        return
    table = Table("request", "processes", "a second", "p50 ms", "p99 ms", "CPU ms each")
    for count, loads in found.items():
        for name, made in loads.items():
            figures = f"{made.per_s:.0f}", f"{made.p50_ms:.1f}", f"{made.p99_ms:.1f}"
            table.add_row(name, str(count), *figures, f"{made.cpu_ms:.2f}")
    Console(width=None if sys.stdout.isatty() else 110).print(table)


if __name__ == "__main__":
    load(prog_name="make load")
