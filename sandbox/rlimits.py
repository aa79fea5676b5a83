"""Resource limits: a backstop per process beside the control group's limits per run."""

import ctypes
import math
import resource
import time

# The program is told by SIGXCPU one second past its limit; the supervisor's own timer comes first.
_CPU_MARGIN_S = 1
# No dump fits into one byte, and at exactly one the kernel starts no helper either that
# core_pattern names; at zero it would, as root.
_CORE_BYTES = 1
_MEMLOCK_BYTES = 64 * 1024
_SIGNALS = 256

#: RLIMIT_RTTIME has no name before Python 3.13.
_RTTIME = 15
# pthread_attr_t is 56 bytes, or 64 on aarch64.
_ATTRIBUTES_BYTES = 128
_libc = ctypes.CDLL(None)
_SIGPENDING = resource.RLIMIT_SIGPENDING


def plan(
    time_s: float, file_bytes: int, stack_bytes: int, open_files: int, processes: int
) -> list[tuple[int, int]]:
    """Return the limits of one program as pairs (resource, value)."""
    return [
        (resource.RLIMIT_CORE, _CORE_BYTES),
        (resource.RLIMIT_CPU, math.ceil(time_s) + _CPU_MARGIN_S),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_STACK, stack_bytes),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_MEMLOCK, _MEMLOCK_BYTES),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_RTPRIO, 0),
        (_RTTIME, 0),
        (_SIGPENDING, _SIGNALS),
    ]


def apply(limits: list[tuple[int, int]]) -> None:
    """Set each limit, soft and hard alike, never above what this process was given itself.

    The kernel counts processor time from the process's birth; the limit counts from this call on.
    """
    for number, value in limits:
        if number == resource.RLIMIT_CPU:
            value += math.ceil(time.process_time())
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(number, (value, value))


def size_thread_stacks() -> None:
    """Give threads a stack as large as the main thread may have, as a start by exec does."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
    size = ctypes.c_size_t(resource.getrlimit(resource.RLIMIT_STACK)[0])
    _libc.pthread_attr_init(attributes)
    _libc.pthread_attr_setstacksize(attributes, size)
    _libc.pthread_setattr_default_np(attributes)
