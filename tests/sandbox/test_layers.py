"""Layer by layer: with one step left out, the attacks that rest on it alone succeed.

This proves that the attack tests bite. Attacks that two layers hold must stay contained when either
is missing. Both tiers rest on the same layers.
"""

import json
import os
from functools import cache
from pathlib import Path

import pytest
import trio

from sandbox import Grade, SandboxError, open_sandbox
from sandbox.attack import COMMAND

from .conftest import Start
from .drive import IMAGE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="layers are taken off as root only")

#: Step left out, program, whether the attack is contained without it.
CASES = [
    ("seccomp", "mount_calls.py", False),
    ("seccomp", "own_filter.py", False),
    ("seccomp", "new_namespaces.py", False),
    ("seccomp", "own_session.py", False),
    ("outer seccomp,seccomp", "io_uring.py", False),
    ("outer seccomp,seccomp", "keyrings.py", False),
    ("outer seccomp,seccomp", "socket_families.py", False),
    ("outer seccomp,seccomp", "personality.py", False),
    ("outer seccomp,seccomp", "interrupt_80.c", False),
    ("outer seccomp,seccomp", "clone3.py", False),
    # The network namespace holds without the family filter; abstract sockets likewise.
    ("outer seccomp,seccomp", "network.py", True),
    ("outer seccomp,seccomp", "abstract_socket.py", True),
    # Root's run-init is another user than the program, for whom nobody sets limits.
    ("outer seccomp,seccomp", "limit_init.py", True),
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
    # Each namespace of a run lies in one of its cell; behind both stand Landlock and the filter.
    ("run ipc", "sysv_left.py", False),
    ("cell ipc", "sysv_left.py", True),
    ("run net", "abstract_socket.py", True),
    ("run net,cell net", "abstract_socket.py", True),
    ("run net,cell net,landlock", "abstract_socket.py", False),
    ("run net,cell net", "network.py", True),
    ("run net,cell net,outer seccomp,seccomp", "network.py", False),
    ("quotas", "nested_user.c", True),
    ("seccomp", "nested_user.c", True),
    ("quotas,seccomp", "nested_user.c", False),
    ("hostname", "layers.py", False),
    ("core filter", "core_filter.py", False),
    # The kernel's limit on processes is the group's; the one of the user stands behind it.
    ("cgroup", "memory_memfd.py", False),
    ("cgroup", "thread_bomb.py", True),
    ("rlimits", "thread_bomb.py", True),
    ("cgroup,rlimits", "thread_bomb.py", False),
    ("rlimits", "fill_box.py", False),
    # The counter is watched; who gets past that for a second meets the limit of his own process.
    ("rlimits", "cpu_loop.c", True),
    ("rlimits", "cpu_spend.c", True),
    ("cpu watch", "cpu_loop.c", True),
    ("cpu watch", "cpu_spend.c", False),
    ("privileges,self-check", "layers.py", False),
    ("cell privileges,self-check", "layers.py", False),
    ("no_new_privs,outer seccomp,landlock,seccomp,self-check", "layers.py", False),
    ("noexec", "mounts_flags.py", False),
    ("run cell proc", "mounts_flags.py", False),
    # What each group of the filter refuses is there without it.
    ("outer seccomp,seccomp", "kernel_surface.py", False),
    ("outer seccomp,seccomp", "other_process.py", False),
    ("outer seccomp,seccomp", "fake_sync.py", False),
    ("outer seccomp,seccomp", "terminal.py", False),
    ("outer seccomp,seccomp", "high_bits.py", False),
    ("outer seccomp,seccomp", "future_calls.py", False),
    ("outer seccomp,seccomp", "x32.py", False),
    ("seccomp", "kernel_surface.py", True),
    ("seccomp", "other_process.py", True),
    ("outer seccomp", "kernel_surface.py", True),
    ("outer seccomp", "other_process.py", True),
]

#: A step without which no program runs at all, and what refuses it.
REFUSED = [
    ("no_new_privs", "landlock"),
    ("cell privileges", "self-check"),
    ("run proc", "self-check"),
    ("box", "noexec"),
]


@pytest.fixture(scope="module")
def faults_without(start: Start, playground: Path):
    """Return a function that gives the faults of every case's program without some steps."""

    @cache
    def run_cases(steps: str) -> dict[str, list[str]]:
        programs = [program for off, program, _ in CASES if off == steps]
        arguments = ["--without", *steps.split(","), "--only", *programs]
        process = start("root", "drive.py", str(playground / "build"), *arguments)
        output, _ = process.communicate(timeout=600)
        return json.loads(output)["faults"]

    return run_cases


@pytest.mark.parametrize(("step", "program", "contained"), CASES)
def test_layer_off_shows_what_the_layer_is_for(
    step: str, program: str, contained: bool, faults_without
) -> None:
    """An attack succeeds without the only layer against it, and fails while another stands."""
    for tier in ["exec", "fork"] if program.endswith(".py") else ["exec"]:
        found = faults_without(step)[f"{program}, {tier}"]
        assert (found == []) is contained, found


def test_ordinary_users_init_rests_on_the_filter(start: Start, playground: Path) -> None:
    """Where the program and its run-init are one user, the filter alone keeps its limits."""
    arguments = ["--without", "outer seccomp", "seccomp", "--only", "limit_init.py"]
    process = start("ordinary", "drive.py", str(playground / "build"), *arguments)
    output, _ = process.communicate(timeout=600)
    assert all("nothing set" in str(faults) for faults in json.loads(output)["faults"].values())


@pytest.mark.parametrize(("step", "refusal"), REFUSED)
async def test_run_does_not_stand_without_a_step_that_others_rest_on(
    step: str, refusal: str
) -> None:
    """Where a later step notices what is missing, it says so, and nothing runs."""
    for interpreter in (None, COMMAND):
        opening = open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, interpreter=interpreter, _without=[step]
        )
        with trio.fail_after(120), pytest.raises(SandboxError) as raised:
            async with opening:
                pass
        assert raised.value.step == refusal
