"""What can be set for one daemon: restart type, limits, environment, number of processes, log files."""

from __future__ import annotations

import json
import os
import pty
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from daemons.supervisor.client import NotRunning, Refused

Spec = Callable[..., dict[str, Any]]
QUICK = {"initial_s": 0.01, "longest_s": 60.0, "period_s": 3600.0}


@pytest.mark.parametrize(
    ("restart", "code", "again"),
    [
        ("permanent", 0, True),
        ("transient", 0, False),
        ("transient", 3, True),
        ("temporary", 0, False),
        ("temporary", 3, False),
    ],
)
def test_restart_type_decides_who_comes_back(
    suite: Any, spec: Spec, restart: str, code: int, *, again: bool
) -> None:
    """Permanent always, transient unless it ended well, temporary never; the rest serves on."""
    policy = {**QUICK, "intensity": 1, "restart": restart}
    suite.start(spec("one", "exit", str(code), policy=policy), spec("two", "good"))

    suite.wait_for(lambda: suite.status("two")["ready"], "the other one")

    one = suite.status("one")
    assert one["last_exit"]["code"] == code
    assert (one["state"], one["restarts"]) == (("held", 1) if again else ("ended", 0))


def test_ended_daemon_comes_back_when_asked(suite: Any, spec: Spec) -> None:
    """A daemon that has ended for good is started by a restart."""
    suite.start(spec("one", "good", policy={"restart": "temporary"}))
    suite.wait_ready()
    os.kill(suite.status("one")["pid"], signal.SIGKILL)
    suite.wait_for(lambda: suite.status("one")["state"] == "ended", "the end")

    suite.ask("restart", name="one")

    assert suite.status("one")["ready"]


def test_limit_is_that_of_the_daemon(suite: Any, spec: Spec) -> None:
    """All processes of a daemon share its limit: three deaths are three, whoever died."""
    policy = {**QUICK, "intensity": 3}
    suite.start(spec("one", "crash", processes=3, policy=policy))

    def states() -> list[tuple[str, int]]:
        instances = suite.ask("status")["daemons"]["one"]["instances"]
        return [(each["state"], each["restarts"]) for each in instances]

    suite.wait_for(lambda: {state for state, _ in states()} == {"held"}, "all held")

    assert sum(restarts for _, restarts in states()) == 3


def test_process_gets_its_limits_and_environment(suite: Any, spec: Spec) -> None:
    """Resource limits and variables are those of the daemon; the rest is as everybody has it."""
    found = suite.folder / "found"
    script = f'echo "$(ulimit -Sc) $(ulimit -Hc) $(ulimit -n) $COLOUR" > {found}.new; mv {found}.new {found}; exec sleep 3600'
    one = spec("one", "", rlimits={"core": 0, "nofile": 77}, environment={"COLOUR": "blue"})
    suite.start({**one, "command": ["/bin/sh", "-c", script]})

    suite.wait_for(found.exists, "what it found")

    assert found.read_text().split() == ["0", "0", "77", "blue"]


def test_limit_that_cannot_be_set_is_a_wrong_configuration(suite: Any, spec: Spec) -> None:
    """A limit that the kernel refuses ends the start with 78 and says which one."""
    suite.start(spec("one", "good", rlimits={"nofile": 1 << 40}))

    assert suite.wait_end() == 78
    assert "rlimits: nofile = 1099511627776: " in suite.text


def test_scale_starts_and_stops_processes(suite: Any, spec: Spec) -> None:
    """More processes serve the same address; fewer end in order, and those that stay are kept."""
    suite.config.write_text("[store]\nlisten = ''\n[api]\nprocesses = 1\n")
    suite.start(spec("api", "good", listen="127.0.0.1:0", overlap=True))
    suite.wait_ready()

    def pids() -> list[int]:
        return [each["pid"] for each in suite.ask("status")["daemons"]["api"]["instances"]]

    (first,) = pids()
    assert suite.ask("scale", name="api", processes=4) == "api: 1 -> 4 processes"
    assert suite.ask("status")["ready"]
    four = pids()
    assert suite.ask("scale", name="api", processes=2) == "api: 4 -> 2 processes"

    assert four[0] == first
    assert len(set(four)) == 4
    assert pids() == four[:2]
    assert suite.text.count("stopping") == 2
    assert "daemon died" not in suite.text


@pytest.mark.parametrize(
    ("name", "processes", "why"),
    [
        ("api", 0, "expected a number of processes from 1, got 0"),
        ("api", "2", "expected a number of processes from 1, got '2'"),
        ("store", 2, "there is one store, and there can't be more"),
        ("nobody", 2, "no daemon 'nobody'; there are: store, api"),
    ],
)
def test_scale_refuses_what_makes_no_sense(
    suite: Any, spec: Spec, name: str, processes: object, why: str
) -> None:
    """A number or a daemon that can't be is refused with the reason."""
    suite.start(spec("store", "good"), spec("api", "good"))
    suite.wait_ready()

    with pytest.raises(Refused, match=why):
        suite.ask("scale", name=name, processes=processes)


def test_scale_says_when_not_all_came_up(suite: Any, spec: Spec) -> None:
    """Processes that die at once are held, and who asked for them is told."""
    flag = suite.folder / "first"
    suite.start(spec("api", "good_once", str(flag), policy={**QUICK, "intensity": 1}))
    suite.wait_ready()

    with pytest.raises(Refused, match="api: 2 processes, but not all came up"):
        suite.ask("scale", name="api", processes=2)

    states = [each["state"] for each in suite.ask("status")["daemons"]["api"]["instances"]]
    assert states == ["running", "held"]


def test_stop_waits_for_those_that_a_scale_sent_away(suite: Any, spec: Spec) -> None:
    """A stop in the middle of a scale lets the surplus process finish, too."""
    diary, gate = suite.folder / "diary", suite.folder / "gate"
    suite.start(spec("api", "patient", str(diary), str(gate), processes=2))
    suite.wait_ready()

    def scale() -> None:
        # It may be told that everything stops.
        with suppress(Refused, NotRunning):
            suite.ask("scale", name="api", processes=1)

    asking = threading.Thread(target=scale)
    asking.start()
    suite.wait_for(lambda: suite.text.count("stopping") == 1, "one asked to stop")
    suite.signal(signal.SIGTERM)
    suite.wait_for(lambda: suite.text.count("stopping") == 3, "all asked to stop")
    gate.touch()

    assert suite.wait_end() == 0
    asking.join(20)
    assert diary.read_text().splitlines() == ["stops", "stops"]


def test_daemon_that_lacks_something_is_not_ready(suite: Any, spec: Spec) -> None:
    """Without what it needs a daemon counts as not ready, is left alone, and comes back by itself."""
    suite.start(spec("one", "lacking"))
    suite.wait_for(lambda: "up, but not ready" in suite.text, "up")
    lost = "not ready: the other end is away"
    suite.wait_for(lambda: suite.status("one")["status"] == lost, "what is missing")
    up = suite.status("one")
    assert (up["state"], up["ready"]) == ("running", False)

    for ready in (True, False, True):
        os.kill(up["pid"], signal.SIGUSR1)
        suite.wait_for(lambda ready=ready: suite.status("one")["ready"] is ready, f"ready: {ready}")

    assert suite.wait_ready().startswith("ready")
    assert (suite.status("one")["restarts"], suite.status("one")["status"]) == (0, "serving")


def test_log_files_have_everything_in_json(suite: Any, spec: Spec) -> None:
    """With a log_dir each daemon and the supervisor has a file; the terminal's log is as before."""
    suite.config.write_text("[supervisor]\nlog_dir = 'log.d'\n[store]\nlisten = ''\n")
    suite.start(spec("one", "exit_loudly", policy={"restart": "temporary"}), spec("two", "good"))
    suite.wait_for(lambda: suite.status("two")["ready"], "the second")
    suite.signal(signal.SIGTERM)
    assert suite.wait_end() == 0

    files = {each.name: each.read_text() for each in (suite.folder / "log.d").iterdir()}
    assert set(files) == {"one.log", "two.log", "supervisor.log"}
    events = {
        name: [json.loads(line) for line in text.splitlines()] for name, text in files.items()
    }
    assert [event["event"] for event in events["one.log"]] == ["last words"]
    assert [event["event"] for event in events["two.log"]] == ["ready", "stopping"]
    (report,) = [event for event in events["supervisor.log"] if event["event"] == "daemon died"]
    assert report["last_lines"] == ["last words"]
    assert "one        | last words\n" in suite.text
    assert "    > last words\n" in suite.text


def test_hanging_log_file_holds_nobody_up(suite: Any, spec: Spec) -> None:
    """While all log files hang, daemons start, die, come back and stop as ever."""
    suite.config.write_text("[supervisor]\nlog_dir = 'log.d'\n[store]\nlisten = ''\n")
    (suite.folder / "log.d").mkdir()
    for name in ("one", "two", "supervisor"):
        os.mkfifo(suite.folder / f"log.d/{name}.log")
    suite.start(spec("one", "good"), spec("two", "good"))
    suite.wait_ready()

    os.kill(suite.status("one")["pid"], signal.SIGKILL)
    suite.wait_for(
        lambda: suite.status("one")["restarts"] == 1 and suite.ask("status")["ready"], "one again"
    )
    suite.signal(signal.SIGTERM)

    assert suite.wait_end() == 0
    assert suite.processes() == []


def test_storm_of_signals_ends_in_order(suite: Any, spec: Spec) -> None:
    """However many SIGTERM come, the end is orderly and leaves nothing."""
    suite.start(spec("one", "deaf", stop_s=3600.0), spec("two", "good"))
    suite.wait_ready()

    while suite.process.poll() is None:
        suite.signal(signal.SIGTERM)
        # Signals that come at once are one for the kernel; and see `test_service.py` for a pace.
        time.sleep(0.002)

    assert suite.wait_end() == 0
    assert suite.processes() == []


def test_interrupt_key_reaches_each_daemon_once(suite: Any, spec: Spec) -> None:
    """Ctrl-C in a real terminal: the supervisor alone gets it, and each daemon is stopped once."""
    keyboard, terminal = pty.openpty()
    try:
        suite.start(spec("one", "good"), spec("two", "good"), terminal=terminal)
        suite.wait_ready()

        os.write(keyboard, b"\x03")

        assert suite.wait_end() == 0
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert suite.text.count("reason=SIGINT") == 1
    assert suite.text.count("reason=SIGTERM") == 2
    assert "KeyboardInterrupt" not in suite.text


def test_restart_forgets_the_past(suite: Any, spec: Spec) -> None:
    """A restart by hand takes a held daemon up at once."""
    broken = Path(suite.folder, "broken")
    broken.touch()
    policy = {**QUICK, "intensity": 2}
    suite.start(spec("one", "crash_while", str(broken), policy=policy))
    suite.wait_for(lambda: suite.status("one")["state"] == "held", "held")
    broken.unlink()

    suite.ask("restart", name="one")

    assert suite.status("one")["ready"]
