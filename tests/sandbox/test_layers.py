"""Layer by layer: with one step left out, the attacks that rest on it alone succeed.

This proves that the attack tests bite. Attacks that two layers hold must stay contained when either
is missing.
"""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from .conftest import Start

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="layers are taken off as root only")

#: Step left out, program, whether the attack is contained without it.
CASES = [
    ("seccomp", "mount_calls.py", False),
    ("seccomp", "own_filter.py", False),
    ("seccomp", "new_namespaces.py", False),
    ("outer seccomp,seccomp", "io_uring.py", False),
    ("outer seccomp,seccomp", "keyrings.py", False),
    ("outer seccomp,seccomp", "socket_families.py", False),
    ("outer seccomp,seccomp", "personality.py", False),
    ("outer seccomp,seccomp", "interrupt_80.c", False),
    ("outer seccomp,seccomp", "clone3.py", False),
    # The network namespace holds without the family filter; abstract sockets likewise.
    ("outer seccomp,seccomp", "network.py", True),
    ("outer seccomp,seccomp", "abstract_socket.py", True),
    # A second layer stands behind each of these.
    ("seccomp", "io_uring.py", True),
    ("seccomp", "keyrings.py", True),
    ("outer seccomp", "io_uring.py", True),
    ("no_new_privs,outer seccomp,landlock,seccomp", "setuid.py", True),
    ("cgroup", "memory_tmpfs.py", False),
    ("cgroup", "memory_pipes.py", False),
    ("descriptors", "leaked_fds.c", True),
    # Landlock stands behind the mounts, where the kernel has it.
    ("landlock", "execute_elsewhere.c", True),
    ("noexec", "execute_elsewhere.c", True),
    ("landlock,noexec", "execute_elsewhere.c", False),
    ("landlock", "write_everywhere.py", True),
    ("rlimits", "open_files.py", False),
    ("rlimits", "raise_limits.py", False),
    ("stdio", "stdio_kinds.py", False),
]


@pytest.fixture(scope="module")
def faults_without(start: Start, playground: Path):
    """Return a function that gives the faults of every case's program without some steps."""

    @cache
    def run_cases(steps: str) -> dict[str, list[str]]:
        programs = [program for off, program, _ in CASES if off == steps]
        arguments = ["--without", *steps.split(","), "--only", *programs]
        process = start("root", "drive.py", str(playground / "build"), *arguments)
        output, _ = process.communicate(timeout=120)
        return json.loads(output)["faults"]

    return run_cases


@pytest.mark.parametrize(("step", "program", "contained"), CASES)
def test_layer_off_shows_what_the_layer_is_for(
    step: str, program: str, contained: bool, faults_without
) -> None:
    """An attack succeeds without the only layer against it, and fails while another stands."""
    found = faults_without(step)
    assert (found[program] == []) is contained, found[program]
