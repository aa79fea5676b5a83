"""The one status of a run, from what the kernel and the supervisor say."""

import signal

import pytest

from sandbox import Limits, RunStatus
from sandbox.result import Ending, decide_status

LIMITS = Limits(time_s=1, wall_s=2, memory_bytes=1000, output_bytes=10)


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ({}, RunStatus.OK),
        ({"exit_code": 1}, RunStatus.RUNTIME_ERROR),
        ({"exit_code": None, "signal": signal.SIGSEGV}, RunStatus.RUNTIME_ERROR),
        ({"exit_code": None, "signal": signal.SIGXFSZ}, RunStatus.OUTPUT_LIMIT),
        ({"oom_kills": 1}, RunStatus.MEMORY_LIMIT),
        ({"oom_kills": 1, "exit_code": 1}, RunStatus.MEMORY_LIMIT),
        ({"memory_bytes": 1001}, RunStatus.MEMORY_LIMIT),
        ({"memory_bytes": 1000}, RunStatus.OK),
        ({"time_s": 1.01}, RunStatus.TIME_LIMIT),
        ({"time_s": 1.0}, RunStatus.OK),
        ({"time_s": 1.01, "oom_kills": 1}, RunStatus.TIME_LIMIT),
        ({"killed_for": "time"}, RunStatus.TIME_LIMIT),
        ({"killed_for": "wall"}, RunStatus.IDLE_LIMIT),
        ({"killed_for": "wall", "time_s": 1.2}, RunStatus.TIME_LIMIT),
        ({"killed_for": "wall", "time_s": 0.6}, RunStatus.TIME_LIMIT),
        ({"killed_for": "wall", "time_s": 0.4}, RunStatus.IDLE_LIMIT),
        ({"killed_for": "output", "time_s": 1.2, "oom_kills": 1}, RunStatus.OUTPUT_LIMIT),
        ({"killed_for": "memory"}, RunStatus.MEMORY_LIMIT),
    ],
)
def test_decide_status_keeps_its_order(ending: dict[str, object], status: RunStatus) -> None:
    """What the supervisor did comes first, then the counters, then signal and exit code."""
    usual: dict[str, object] = {
        "killed_for": "",
        "exit_code": 0,
        "signal": None,
        "time_s": 0.1,
        "memory_bytes": 10,
        "oom_kills": 0,
    }
    assert decide_status(LIMITS, Ending(**(usual | ending))) is status  # type: ignore[arg-type]
