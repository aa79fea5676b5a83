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
    names = [n for group in (*policy.GROUPS, policy.SETUP_GROUP) for n in group.calls]
    assert len(names) == len(set(names))
    for machine in MACHINES:
        numbers = [n for _, listed in policy.for_machine(machine).answers for n in listed]
        assert len(numbers) == len(set(numbers))
        assert max(numbers) <= policy.CEILING


async def test_every_call_by_number_inside_a_run(tmp_path: Path) -> None:
    """Inside a run the kernel answers every denied number as the table says, and kills for none."""
    program = tmp_path / "all_calls"
    source = Path(__file__).parent / "probes" / "all_calls.c"
    await trio.run_process(["gcc", "-O1", "-w", "-static", "-o", str(program), str(source)])
    table = policy.for_machine(os.uname().machine)
    wanted = {number: code for code, numbers in table.answers for number in numbers}
    wanted |= dict.fromkeys(range(policy.CEILING + 1, 600), errno.ENOSYS)
    limits = Limits(time_s=20, wall_s=60, memory_bytes=256 << 20, output_bytes=1 << 20)
    with trio.fail_after(90), Blob.from_bytes(program.read_bytes(), executable=True) as blob:
        async with open_sandbox(slots=1, image=IMAGE, grade=Grade.REDUCED) as sandbox:
            job = Job(argv=("/box/all_calls", "600"), files={"all_calls": blob}, limits=limits)
            result = await sandbox.boxes[0].run(job)
    found = {int(a): int(b) for a, b in map(str.split, result.stdout.decode().splitlines())}
    assert len(found) == 600
    wrong = {n: (code, found[n]) for n, code in wanted.items() if found[n] != code}
    assert wrong == {}
    assert [number for number, answer in found.items() if answer == -31] == []
