"""The supervisor over real processes: start, death, silence, stop, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemons.supervisor.client import Client, NotRunning, Refused

Spec = Callable[..., dict[str, Any]]
#: Short waits, so that a test sees several restarts; the order of events does not depend on them,
#: nor does a limit on how long a slow machine takes for so many deaths.
QUICK = {"initial_s": 0.01, "longest_s": 60.0, "period_s": 3600.0}


def ask_door(address: str) -> int:
    """Return the pid of the process that answers on *address*."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=120) as client:
        return int(client.makefile().readline())


def test_start_follows_the_order_and_stop_reverses_it(suite: Any, spec: Spec) -> None:
    """Daemons come to serve in the planned order and stop in the opposite one."""
    diary = suite.folder / "diary"
    names = ["one", "two", "three"]
    suite.start(*(spec(name, "diary", str(diary), name) for name in names))

    suite.wait_ready()
    assert suite.ask("status")["ready"]
    suite.signal(signal.SIGTERM)

    assert suite.wait_end() == 0
    started = [f"serves {name}" for name in names]
    assert diary.read_text().splitlines() == started + [f"stops {name}" for name in names[::-1]]
    assert suite.processes() == []


def test_start_waits_for_readiness_before_the_next(suite: Any, spec: Spec) -> None:
    """A daemon is not let go before the one before it is ready."""
    suite.start(spec("first", "never_ready"), spec("second", "good"))

    suite.wait_for(lambda: len(suite.processes()) >= 3, "both loaded")
    status = suite.wait_for(lambda: suite.ask("status"), "a supervisor that answers")

    assert not status["ready"]
    assert status["daemons"]["second"]["state"] == "starting"
    assert "ready" not in suite.text
    suite.signal(signal.SIGINT)
    assert suite.wait_end() == 0
    assert suite.processes() == []


def test_killed_daemon_is_started_again(suite: Any, spec: Spec) -> None:
    """A daemon that gets SIGKILL comes back in another process; the others are left alone."""
    suite.start(spec("one", "good", policy=QUICK), spec("two", "good", policy=QUICK))
    suite.wait_ready()
    killed, other = suite.status("one")["pid"], suite.status("two")["pid"]

    os.kill(killed, signal.SIGKILL)
    suite.wait_for(
        lambda: suite.status("one")["restarts"] == 1 and suite.ask("status")["ready"], "one again"
    )

    one = suite.status("one")
    assert one["pid"] != killed
    assert one["last_exit"] == {"code": None, "signal": "SIGKILL", "reason": "killed by SIGKILL"}
    assert suite.status("two")["pid"] == other
    assert suite.status("two")["restarts"] == 0


def test_crash_loop_is_held_and_the_rest_serves(suite: Any, spec: Spec) -> None:
    """A daemon that dies at once is held at its limit; the next ones get their turn."""
    suite.start(
        spec("bad", "crash", policy={**QUICK, "intensity": 3}),
        spec("good", "good", listen="127.0.0.1:0"),
    )

    suite.wait_for(lambda: suite.status("good")["ready"], "the good one serves")

    bad = suite.status("bad")
    assert bad["state"] == "held"
    assert bad["restarts"] == 3
    assert bad["last_exit"]["code"] == 1
    assert suite.text.count("RuntimeError: crashed as told") >= 4
    (address,) = suite.ask("status")["daemons"]["good"]["listen"]
    assert ask_door(address) == suite.status("good")["pid"]


def test_death_report_has_the_last_lines(
    suite: Any, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a log for machines, the report of a death repeats what the dead one said last."""
    monkeypatch.setenv("GAVEL_LOG", "json")
    suite.start(spec("bad", "exit_loudly", policy=QUICK))

    suite.wait_for(lambda: "daemon died" in suite.text, "a report")

    events = [json.loads(line) for line in suite.text.splitlines() if line.startswith("{")]
    report = next(event for event in events if event["event"] == "daemon died")
    assert (report["daemon"], report["name"], report["code"]) == ("supervisor", "bad", 3)
    assert report["last_lines"] == ["last words"]


def test_hangup_of_the_terminal_stops_everything(suite: Any, spec: Spec) -> None:
    """When the terminal goes away, everything stops in order."""
    suite.start(spec("one", "good"))
    suite.wait_ready()

    suite.signal(signal.SIGHUP)

    assert suite.wait_end() == 0
    assert "reason=SIGHUP" in suite.text
    assert suite.processes() == []


def test_limit_with_escalate_stops_everything(suite: Any, spec: Spec) -> None:
    """With on_limit = "escalate" a crash loop ends the suite in order with exit code 70."""
    policy = {**QUICK, "intensity": 2, "on_limit": "escalate"}
    suite.start(spec("good", "good"), spec("bad", "crash_when_ready", policy=policy))

    assert suite.wait_end() == 70
    assert suite.processes() == []


def test_wrong_configuration_at_start_ends_everything(suite: Any, spec: Spec) -> None:
    """A daemon that exits with 78 at the start ends the suite with 78, untried again."""
    suite.start(spec("good", "good"), spec("bad", "exit", "78"))

    assert suite.wait_end() == 78
    assert suite.text.count("daemon died") == 1
    assert suite.processes() == []


def test_silent_loop_is_killed_and_started_again(suite: Any, spec: Spec) -> None:
    """A daemon whose loop stands still is killed by the watchdog, and so is one that is stopped."""
    suite.start(spec("one", "good", watchdog_s=2.0, policy=QUICK))
    suite.wait_ready()

    os.kill(suite.status("one")["pid"], signal.SIGSTOP)
    suite.wait_for(
        lambda: suite.status("one")["restarts"] >= 1 and suite.status("one")["ready"], "one again"
    )

    assert "silent" in suite.status("one")["last_exit"]["reason"]


def test_blocked_loop_is_killed(suite: Any, spec: Spec) -> None:
    """A loop that is blocked by its own code is found by its silence."""
    suite.start(spec("one", "blocked", watchdog_s=1.0, policy=QUICK))
    suite.wait_ready()

    suite.wait_for(lambda: suite.status("one")["restarts"] >= 1, "a restart")

    assert "silent" in suite.status("one")["last_exit"]["reason"]


def test_daemon_that_never_gets_ready_is_killed(suite: Any, spec: Spec) -> None:
    """A daemon that is not ready in its time is killed and tried again."""
    suite.start(spec("one", "never_ready", start_s=0.3, policy=QUICK))

    suite.wait_for(lambda: suite.status("one")["restarts"] >= 2, "two more tries")

    assert suite.status("one")["last_exit"]["signal"] == "SIGKILL"
    assert "not ready within" in suite.status("one")["last_exit"]["reason"]


def test_deaf_daemon_is_killed_at_the_deadline(suite: Any, spec: Spec) -> None:
    """A daemon that ignores SIGTERM is killed when its time to stop is over."""
    suite.start(spec("one", "deaf", stop_s=0.3))
    suite.wait_ready()

    suite.signal(signal.SIGTERM)

    assert suite.wait_end() == 0
    assert "did not stop within" in suite.text
    assert suite.processes() == []


def test_second_signal_does_not_wait_for_the_drain(suite: Any, spec: Spec) -> None:
    """A second signal ends a stop that would have taken long, and leaves nothing."""
    suite.start(spec("one", "good"), spec("two", "deaf", stop_s=3600.0))
    suite.wait_ready()

    suite.signal(signal.SIGINT)
    suite.wait_for(lambda: suite.status("two")["state"] == "stopping", "the stop begins")
    suite.signal(signal.SIGINT)

    assert suite.wait_end() == 0
    assert suite.processes() == []


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_grandchild_does_not_outlive_its_daemon(suite: Any, spec: Spec, how: str) -> None:
    """What a daemon put into a session of its own is killed when the daemon ends, however that is."""
    pid_file = suite.folder / "grandchild"
    suite.start(spec("one", "double_fork", str(pid_file), policy=QUICK))
    suite.wait_ready()
    grandchild = int(pid_file.read_text())
    # Between a program and the next that it becomes, a process has no environment.
    suite.wait_for(lambda: grandchild in suite.processes(), "the grandchild")

    if how == "stop":
        suite.signal(signal.SIGTERM)
        assert suite.wait_end() == 0
        assert suite.processes() == []
    else:
        os.kill(suite.status("one")["pid"], signal.SIGKILL)
        suite.wait_for(lambda: suite.status("one")["restarts"] == 1, "a restart")
        assert grandchild not in suite.processes()


def test_killed_supervisor_leaves_nothing_for_long(suite: Any, spec: Spec) -> None:
    """When the supervisor gets SIGKILL the daemons stop by themselves."""
    suite.start(spec("one", "good"), spec("two", "good"))
    suite.wait_ready()

    suite.signal(signal.SIGKILL)
    suite.wait_end()

    suite.wait_for(lambda: suite.processes() == [], "all gone")


def test_next_supervisor_ends_what_a_killed_one_left(suite: Any, spec: Spec) -> None:
    """A daemon that ignores the loss of its supervisor is killed by the next one, which then starts."""
    suite.start(spec("one", "deaf", listen="127.0.0.1:0"))
    suite.wait_ready()
    left = suite.status("one")["pid"]
    suite.signal(signal.SIGKILL)
    suite.wait_end()
    assert left in suite.processes()

    suite.start(spec("one", "good"))
    suite.wait_ready()

    assert left not in suite.processes()
    assert f"pids=[{left}]" in suite.text
    suite.signal(signal.SIGTERM)
    assert suite.wait_end() == 0


def test_second_supervisor_is_refused(suite: Any, spec: Spec) -> None:
    """A second supervisor on one control socket ends at once and names the first one's pid."""
    suite.start(spec("one", "good"))
    suite.wait_ready()
    first = suite.process

    suite.start(spec("one", "good"))

    assert suite.wait_end() == 1
    assert f"already running (pid {first.pid})" in suite.text
    suite.process = first
    assert suite.ask("status")["ready"]


def test_end_leaves_no_socket(suite: Any, spec: Spec) -> None:
    """After the end no socket is left in the folder, and nobody answers."""
    suite.start(spec("one", "good"))
    suite.wait_ready()
    with Client(suite.control) as client:
        client.stop()

    assert suite.wait_end() == 0
    assert [path for path in (suite.folder / "var").iterdir() if path.is_socket()] == []
    with pytest.raises(NotRunning, match="gavel up"):
        suite.ask("status")


def test_interrupt_of_the_terminal_reaches_each_daemon_once(suite: Any, spec: Spec) -> None:
    """Daemons lead sessions of their own: Ctrl-C comes to them only through the supervisor."""
    suite.start(spec("one", "good"), spec("two", "good"))
    suite.wait_ready()

    sessions = {os.getsid(suite.status(name)["pid"]) for name in ("one", "two")}

    assert os.getsid(suite.process.pid) not in sessions
    assert len(sessions) == 2
    suite.signal(signal.SIGINT)
    assert suite.wait_end() == 0
    assert suite.text.count("reason=SIGTERM") == 2


def test_stop_during_start_ends_in_order(suite: Any, spec: Spec) -> None:
    """SIGTERM before anything is ready ends everything with exit code 0."""
    suite.start(spec("one", "never_ready"), spec("two", "never_ready"))
    suite.wait_for(lambda: suite.ask("status")["daemons"], "a supervisor that answers")

    suite.signal(signal.SIGTERM)

    assert suite.wait_end() == 0
    assert suite.processes() == []


def test_deep_folder_is_no_obstacle(suite: Any, spec: Spec) -> None:
    """Sockets work below a path that is longer than the kernel's 107 bytes."""
    suite.folder = Path(suite.folder, "d" * 120)
    suite.folder.mkdir()
    suite.config = suite.folder / "supervisor.toml"
    suite.config.write_text("")
    suite.start(spec("one", "good", watchdog_s=5.0))

    suite.wait_ready()

    assert suite.status("one")["ready"]


def test_unknown_daemon_and_command_are_refused(suite: Any, spec: Spec) -> None:
    """A command that can't be carried out is answered with the reason, and nothing else happens."""
    suite.start(spec("one", "good"))
    suite.wait_ready()

    with pytest.raises(Refused, match="no daemon 'nope'; there are: one"):
        suite.ask("restart", name="nope")
    with pytest.raises(Refused, match="no such command: 'dance'"):
        suite.ask("dance")

    assert suite.ask("status")["ready"]
