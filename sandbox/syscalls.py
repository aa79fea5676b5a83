"""Raw system calls through ctypes, for what the os module of Python 3.11 lacks.

Numbers below 424 differ by machine; from 424 on all machines share them.
"""

import ctypes
import os

MACHINE = os.uname().machine

_X86_64 = {
    "clone": 56,
    "pivot_root": 155,
    "capget": 125,
    "capset": 126,
    "keyctl": 250,
    "seccomp": 317,
}
_AARCH64 = {
    "clone": 220,
    "pivot_root": 41,
    "capget": 90,
    "capset": 91,
    "keyctl": 219,
    "seccomp": 277,
}
_SHARED = {
    "pidfd_send_signal": 424,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "openat2": 437,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
NUMBERS = _SHARED | (_AARCH64 if MACHINE == "aarch64" else _X86_64)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.restype = ctypes.c_int
# Without releasing the interpreter lock: a fork in the middle of a call must come back holding it.
_libc_locked = ctypes.PyDLL(None, use_errno=True)
_libc_locked.syscall.restype = ctypes.c_long

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000

Argument = int | bytes | None | ctypes.Array[ctypes.c_char] | ctypes.Structure


def _convert(argument: Argument) -> object:
    # syscall(2) is variadic: a plain int would be passed as 32 bits.
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, ctypes.Structure):
        return ctypes.byref(argument)
    return argument


def call(name: str, *arguments: Argument) -> int:
    """Make the system call *name*; raises OSError with its errno."""
    result: int = _libc.syscall(ctypes.c_long(NUMBERS[name]), *map(_convert, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def fork_with(flags: int) -> int:
    """Fork with clone flags, keeping the interpreter's own fork hooks; 0 in the child.

    Only for a process with one thread.
    """
    api = ctypes.pythonapi
    api.PyOS_BeforeFork()
    pid: int = _libc_locked.syscall(
        ctypes.c_long(NUMBERS["clone"]), *(ctypes.c_long(value) for value in (flags, 0, 0, 0, 0))
    )
    if pid == 0:
        api.PyOS_AfterFork_Child()
        return 0
    code = ctypes.get_errno()
    api.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(code, f"clone: {os.strerror(code)}")
    return pid


def prctl(option: int, *arguments: int) -> int:
    """Set or ask an attribute of this process; raises OSError with its errno."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    result: int = _libc.prctl(option, *(ctypes.c_ulong(value) for value in padded))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")
    return result


def libc_call(name: str, *arguments: Argument) -> int:
    """Call the C library's function *name* (mount, umount2, unshare, setns)."""
    result: int = getattr(_libc, name)(*map(_convert, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result
