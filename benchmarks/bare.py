"""The baselines: a program started with nothing around it, as cheaply as this language can."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_AT_A_TIME = 2
_READ_BYTES = 65536


def run_bare(argv: list[str], stdin: Path) -> bytes:
    """Start *argv* by posix_spawn (vfork and exec), read its output to the end, reap it.

    Its environment is empty. A non-zero exit is an error: a broken baseline would be a quick one.
    """
    read_end, write_end = os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, str(stdin), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, write_end, 1),
    ]
    pid = os.posix_spawn(argv[0], argv, {}, file_actions=actions)
    os.close(write_end)
    output = b""
    while part := os.read(read_end, _READ_BYTES):
        output += part
    os.close(read_end)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise RuntimeError(f"{argv} ended with {os.waitstatus_to_exitcode(status)}")
    return output


def run_bare_for(seconds: float, argv: list[str], stdin: Path) -> int:
    """Keep two of *argv* running for *seconds*; return how many ended."""
    deadline = time.monotonic() + seconds

    def run_until_deadline(_: int) -> int:
        done = 0
        while time.monotonic() < deadline:
            run_bare(argv, stdin)
            done += 1
        return done

    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        return sum(threads.map(run_until_deadline, range(_AT_A_TIME)))
