"""The numbers of system calls against the kernel's own headers, for both machines.

arm64 numbers its calls as asm-generic/unistd.h does, which Debian's linux-libc-dev has on every
machine; what arm64's own header defines before it includes that one stands in ARM64.
"""

import os
import subprocess
from functools import cache

import pytest

from sandbox import policy, seccomp, syscalls
from sandbox.policy import AUDIT_ARCH

from .test_seccomp import MACHINES, simulate

ARM64 = ("RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "TIME32_SYSCALLS", "SYS_CLONE3", "MEMFD_SECRET")
HEADERS = {"x86_64": "asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
#: Both, where the header of one's own machine is the other of the two; else the generic one.
HERE = [machine for machine in MACHINES if machine in ("aarch64", os.uname().machine)]
#: Those that we make ourselves.
OURS = {"x86_64": syscalls._X86_64, "aarch64": syscalls._AARCH64}


@cache
def header_numbers(machine: str) -> dict[str, int]:
    """Return the number of each call that the installed headers know, by name."""
    wants = [f"-D__ARCH_WANT_{each}" for each in ARM64] if machine == "aarch64" else []
    printed = subprocess.run(
        ["gcc", "-E", "-dM", *wants, "-include", HEADERS[machine], "-x", "c", "/dev/null"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    lines = (line.split() for line in printed.splitlines())
    texts = {fields[1]: fields[2] for fields in lines if len(fields) == 3}
    found = {
        name.removeprefix("__NR_"): texts.get(text, text)
        for name, text in texts.items()
        if name.startswith("__NR_")
    }
    found.pop("syscalls", None)  # how many there are
    return {name: int(text) for name, text in found.items() if text.isdecimal()}


def policy_numbers(machine: str) -> dict[str, int | None]:
    """Return the number of each call that the policy names."""
    column = MACHINES.index(machine)
    groups = (*policy.GROUPS, *policy.SETUP_GROUPS, policy.SHARED_GROUP)
    named = {name: both for group in groups for name, both in group.calls.items()}
    named |= {name: both for name, (both, _) in policy.ARGUMENT_RULES.items()}
    named |= {"clone": policy.CLONE_RULE[0], "fcntl": policy.SHARED_RULE[0]}
    return {name: both[column] for name, both in named.items()}


@pytest.mark.parametrize("machine", HERE)
def test_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    """Each call of the policy, and each that we make, has the header's number, or none in both.

    What is newer than the header is above all that it knows, and the same on both machines.
    """
    known = header_numbers(machine)
    assert len(known) > 280
    newest = max(known.values())
    ruled = policy_numbers(machine)
    other = policy_numbers(MACHINES[1 - MACHINES.index(machine)])
    for name, number in (*ruled.items(), *OURS[machine].items(), *syscalls._SHARED.items()):
        if name in known or number is None:
            assert known.get(name) == number, name
        else:
            assert number > newest, name
            assert other[name] == number


@pytest.mark.parametrize("outer", [False, True])
def test_call_of_one_name_gets_one_answer_on_both_machines(outer: bool) -> None:
    """The simulator, over every number that the headers name: arm64 refuses what x86-64 refuses."""
    if len(HERE) < 2:
        pytest.skip("the headers of x86-64 are on x86-64 only")
    answers = {}
    for machine in MACHINES:
        program, arch = seccomp.assemble(machine, outer), AUDIT_ARCH[machine]
        answers[machine] = {
            name: simulate(program, arch, number)
            for name, number in header_numbers(machine).items()
        }
    ours, theirs = (answers[machine] for machine in MACHINES)
    shared = ours.keys() & theirs.keys()
    assert len(shared) > 280
    assert {name: (ours[name], theirs[name]) for name in shared if ours[name] != theirs[name]} == {}
