"""Seccomp: turn the policy table into a filter and install it.

The filter is assembled here, by hand, from policy.py: no library decides which numbers it knows.
Layout: architecture, then x32, then the ceiling, then one block per answer, then one per argument
rule, then ALLOW. Jumps go forward only and reach 255 instructions, so each block ends with its own
return.
"""

import ctypes
import struct

from sandbox import policy, syscalls
from sandbox.policy import ArgumentRule

_INSTRUCTION = struct.Struct("<HBBI")
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP = 0x05  # BPF_JMP | BPF_JA
_IF_EQUAL = 0x15
_IF_GREATER = 0x25
_IF_AT_LEAST = 0x35
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN = 0x06

_OFFSET_NUMBER = 0
_OFFSET_ARCH = 4
_OFFSET_ARGUMENTS = 16

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
KILL = 0x80000000
_X32_BIT = 0x40000000
_BLOCK_MAX = 200

_SECCOMP_SET_MODE_FILTER = 1


def errno_action(code: int) -> int:
    """Return the filter's answer "fail with errno *code*"; 0 fakes success."""
    return _ERRNO | code


def _block(numbers: list[int], action: int) -> list[bytes]:
    """Return instructions that answer *action* to each of *numbers*."""
    count = len(numbers)
    lines = [
        _INSTRUCTION.pack(_IF_EQUAL, count - index, 0, number)
        for index, number in enumerate(numbers)
    ]
    lines.append(_INSTRUCTION.pack(_JUMP, 0, 0, 1))
    lines.append(_INSTRUCTION.pack(_RETURN, 0, 0, action))
    return lines


def _argument_block(number: int, rule: ArgumentRule) -> list[bytes]:
    """Return instructions for one argument rule; only the low word counts, as in the kernel.

    A filter that compared all 64 bits could be passed by bits that the kernel cuts off
    (CVE-2019-10063).
    """
    offset = _OFFSET_ARGUMENTS + 8 * rule.argument
    body = [_INSTRUCTION.pack(_LOAD, 0, 0, offset)]
    refuse = _INSTRUCTION.pack(_RETURN, 0, 0, errno_action(rule.errno))
    allow = _INSTRUCTION.pack(_RETURN, 0, 0, _ALLOW)
    if rule.test == "any_bit":
        body.append(_INSTRUCTION.pack(_AND, 0, 0, rule.values[0]))
        body += [_INSTRUCTION.pack(_IF_EQUAL, 1, 0, 0), refuse, allow]
    else:
        hit, miss = (refuse, allow) if rule.test == "one_of" else (allow, refuse)
        count = len(rule.values)
        body += [
            _INSTRUCTION.pack(_IF_EQUAL, count - index, 0, value)
            for index, value in enumerate(rule.values)
        ]
        body += [miss, hit]
    return [_INSTRUCTION.pack(_IF_EQUAL, 0, len(body), number), *body]


def assemble(machine: str, outer: bool = False, shared: bool = False) -> bytes:
    """Return the filter for *machine* (``x86_64`` or ``aarch64``) as BPF bytes.

    The *outer* one lies on the cell and leaves open what the steps of a run still need; the
    *shared* one is for programs that share files with those of other slots.
    """
    table = policy.for_machine(machine, outer, shared)
    lines = [
        _INSTRUCTION.pack(_LOAD, 0, 0, _OFFSET_ARCH),
        _INSTRUCTION.pack(_IF_EQUAL, 1, 0, table.audit_arch),
        _INSTRUCTION.pack(_RETURN, 0, 0, KILL),
        _INSTRUCTION.pack(_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        lines.append(_INSTRUCTION.pack(_IF_AT_LEAST, 0, 1, _X32_BIT))
        lines.append(_INSTRUCTION.pack(_RETURN, 0, 0, KILL))
    lines.append(_INSTRUCTION.pack(_IF_GREATER, 0, 1, policy.CEILING))
    lines.append(_INSTRUCTION.pack(_RETURN, 0, 0, errno_action(policy.ENOSYS)))
    for code, numbers in table.answers:
        for start in range(0, len(numbers), _BLOCK_MAX):
            lines += _block(numbers[start : start + _BLOCK_MAX], errno_action(code))
    for number, rule in table.arguments:
        lines += _argument_block(number, rule)
    lines.append(_INSTRUCTION.pack(_RETURN, 0, 0, _ALLOW))
    return b"".join(lines)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]


def install(program: bytes) -> None:
    """Put *program* on this process and all its descendants, for good."""
    lines = ctypes.create_string_buffer(program, len(program))
    header = _Program(len(program) // _INSTRUCTION.size, ctypes.addressof(lines))
    syscalls.call("seccomp", _SECCOMP_SET_MODE_FILTER, 0, header)
