"""The filter against its table: by simulation for both machines, and by number inside a run."""

import errno
import os
import struct
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Blob, Grade, Job, Limits, open_sandbox, policy, seccomp
from sandbox.policy import AUDIT_ARCH

from .drive import IMAGE

MACHINES = ["x86_64", "aarch64"]
ALLOW, KILL = 0x7FFF0000, 0x80000000
FILTERS = {
    (machine, outer): seccomp.assemble(machine, outer)
    for machine in MACHINES
    for outer in (False, True)
}


def simulate(program: bytes, arch: int, number: int, arguments: tuple[int, ...] = (0,) * 6) -> int:
    """Return what the kernel would answer; understands the instructions that we use."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *arguments)
    lines = list(struct.iter_unpack("<HBBI", program))
    accumulator = at = 0
    while True:
        code, yes, no, value = lines[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x05:
                at += value
            case 0x15:
                at += yes if accumulator == value else no
            case 0x25:
                at += yes if accumulator > value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x54:
                accumulator &= value
            case 0x06:
                return value
            case _:
                raise AssertionError(f"instruction {code:#x}")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("outer", [False, True])
def test_filter_answers_as_the_table_says(machine: str, outer: bool) -> None:
    """Every number up to 1000 gets the table's answer, ENOSYS above the ceiling, else passes."""
    table = policy.for_machine(machine, outer)
    wanted = {number: 0x50000 | code for code, numbers in table.answers for number in numbers}
    ruled = {number for number, _ in table.arguments}
    for number in range(1000):
        if number in ruled:
            continue
        default = ALLOW if number <= policy.CEILING else 0x50000 | errno.ENOSYS
        found = simulate(FILTERS[machine, outer], AUDIT_ARCH[machine], number)
        assert found == wanted.get(number, default), number


@given(
    number=st.integers(0, 2**32 - 1),
    arguments=st.tuples(*[st.integers(0, 2**64 - 1)] * 6),
    which=st.sampled_from(sorted(FILTERS)),
)
def test_filter_ends_for_any_call(number: int, arguments: tuple[int, ...], which) -> None:
    """Whatever the call, the filter ends with allow, an errno or kill, and x32 is always killed."""
    machine, _ = which
    found = simulate(FILTERS[which], AUDIT_ARCH[machine], number, arguments)
    assert found in (ALLOW, KILL) or found >> 16 == 5
    if machine == "x86_64" and number >= 0x40000000:
        assert found == KILL
    assert simulate(FILTERS[which], 0x40000003, number, arguments) == KILL


@given(high=st.integers(0, 2**32 - 1), machine=st.sampled_from(MACHINES))
def test_filter_looks_at_low_words_only(high: int, machine: str) -> None:
    """Bits that the kernel cuts off change no answer."""
    for numbers, rule in (policy.CLONE_RULE, *policy.ARGUMENT_RULES.values()):
        number = numbers[MACHINES.index(machine)]
        for value in (*rule.values, 0, 1, 2, 17):
            arguments = [0] * 6
            arguments[rule.argument] = value
            plain = simulate(FILTERS[machine, False], AUDIT_ARCH[machine], number, tuple(arguments))
            arguments[rule.argument] = value | high << 32
            assert plain == simulate(
                FILTERS[machine, False], AUDIT_ARCH[machine], number, tuple(arguments)
            )


def test_filter_refuses_namespaces_and_lets_threads_pass() -> None:
    """Clone with any namespace flag is EPERM; the flags of fork and of pthread_create pass."""
    inner, arch = FILTERS["x86_64", False], AUDIT_ARCH["x86_64"]
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        found = simulate(inner, arch, 56, (flag | 17, 0, 0, 0, 0, 0))
        assert found == 0x50000 | errno.EPERM
    for flags in (17, 0x3D0F00, 0x4111):
        assert simulate(inner, arch, 56, (flags, 0, 0, 0, 0, 0)) == ALLOW


def test_policy_names_no_call_twice() -> None:
    """A call stands in one group only, and under one number per machine."""
    names = [n for group in (*policy.GROUPS, *policy.SETUP_GROUPS) for n in group.calls]
    assert len(names) == len(set(names))
    for machine in MACHINES:
        numbers = [n for _, listed in policy.for_machine(machine).answers for n in listed]
        assert len(numbers) == len(set(numbers))
        assert max(numbers) <= policy.CEILING


@pytest.fixture(scope="module")
def answers(playground: Path) -> dict[str, dict[int, int]]:
    """What the kernel answers to every call by number inside a run: with both filters, one, none.

    An errno, 0 for success, -N for death by signal N. All four runs at a time, for most of it is
    waiting for calls that block.
    """
    program = (playground / "build" / "all_calls").read_bytes()
    limits = Limits(time_s=20, wall_s=60, memory_bytes=256 << 20, output_bytes=1 << 20)
    found: dict[str, dict[int, int]] = {}

    async def ask(without: str) -> None:
        layers = [layer for layer in without.split(",") if layer]
        with Blob.from_bytes(program, executable=True) as blob:
            async with open_sandbox(
                slots=1, image=IMAGE, grade=Grade.REDUCED, _without=layers
            ) as sandbox:
                job = Job(argv=("/box/calls", str(NUMBERS)), files={"calls": blob}, limits=limits)
                result = await sandbox.boxes[0].run(job)
        lines = result.stdout.decode().splitlines()
        found[without] = {int(a): int(b) for a, b in map(str.split, lines)}

    async def ask_all() -> None:
        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                for without in ("", "seccomp", "outer seccomp", UNFILTERED):
                    nursery.start_soon(ask, without)

    trio.run(ask_all)
    return found


@pytest.mark.parametrize(
    "group", [*policy.GROUPS, *policy.SETUP_GROUPS], ids=lambda one: one.reason
)
def test_each_group_refuses_what_the_kernel_would_do(group: policy.Group, answers) -> None:
    """Without the filters the kernel answers otherwise, so it is they that refuse.

    But for dead calls, and setsid, which succeeds all the same.
    """
    column = MACHINES.index(os.uname().machine)
    numbers = [both[column] for both in group.calls.values() if both[column] is not None]
    changed = [n for n in numbers if answers[""][n] != answers[UNFILTERED][n]]
    assert changed or "dead" in group.reason or group.calls.keys() == {"setsid"}


#: Beyond the last call of any kernel so far, with room.
NUMBERS = 600
UNFILTERED = "outer seccomp,seccomp"


@pytest.mark.parametrize(
    ("without", "outer"), [("", False), ("outer seccomp", False), ("seccomp", True)]
)
def test_every_call_by_number_inside_a_run(without: str, outer: bool, answers) -> None:
    """Each number gets the table's answer, and where it has none the kernel's own, in each filter."""
    machine = os.uname().machine
    table = policy.for_machine(machine, outer)
    wanted = dict(answers[UNFILTERED])
    wanted |= {number: code for code, numbers in table.answers for number in numbers}
    wanted |= dict.fromkeys(range(policy.CEILING + 1, NUMBERS), errno.ENOSYS)
    # All arguments are -1; the low word of it is what the rules see.
    for number, _ in table.arguments:
        verdict = simulate(FILTERS[machine, outer], AUDIT_ARCH[machine], number, (2**64 - 1,) * 6)
        wanted[number] = wanted[number] if verdict == ALLOW else verdict & 0xFFFF
    found = answers[without]
    assert sorted(found) == list(range(NUMBERS))
    assert {
        number: (wanted[number], found[number])
        for number in wanted
        if wanted[number] != found[number]
    } == {}
    assert [number for number, answer in found.items() if answer == -31] == []
