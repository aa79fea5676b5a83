"""Landlock: a second layer behind the mounts, where the kernel has it (5.13, better since 6.12).

The program may write below /box, /tmp, /dev/shm and to devices, and execute from the image and
/box; it can neither connect to abstract sockets nor signal processes outside. The mounts, the
network namespace and the pid namespace say all of that already; this holds should one of them be
missing. It follows the mounts, for it forbids later ones, and precedes the inner seccomp filter.
"""

import ctypes
import errno
import os

from sandbox import syscalls

_CREATE_VERSION = 1
_RULE_PATH_BENEATH = 1
_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
#: Access bits that came later: ABI -> REFER, TRUNCATE.
_LATER = {2: 1 << 13, 3: 1 << 14}
#: Abstract unix sockets and signals, ABI 6.
_SCOPES = 0b11
_SCOPES_ABI = 6

_WRITABLE = ("/box", "/tmp", "/dev/shm")  # noqa: S108 - paths inside a cell
_NOT_IMAGE = ("box", "tmp", "dev", "proc", ".proc", ".run")


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("access_fs", ctypes.c_uint64),
        ("access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def find_abi() -> int:
    """Return the version of Landlock that this kernel speaks, 0 for none."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _CREATE_VERSION)
    except OSError as exc:
        if exc.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            return 0
        raise


def restrict(abi: int) -> None:
    """Put the rules on this process and all its descendants; no_new_privs must be set."""
    if abi == 0:
        return
    write = _WRITE_FILE | _MAKE_AND_REMOVE
    write |= sum(bit for since, bit in _LATER.items() if abi >= since)
    rules = _Ruleset(write | _EXECUTE, 0, _SCOPES if abi >= _SCOPES_ABI else 0)
    # An older kernel takes a shorter structure; what is cut off is zero there.
    size = 24 if abi >= _SCOPES_ABI else 8
    ruleset = syscalls.call("landlock_create_ruleset", rules, size, 0)
    try:
        for path, access in _plan(write).items():
            _allow(ruleset, path, access)
        syscalls.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _plan(write: int) -> dict[str, int]:
    """Return what is allowed below each path; a rule reaches across mounts, so none is for /."""
    plan = {f"/{name}": _EXECUTE for name in os.listdir("/") if name not in _NOT_IMAGE}
    plan |= dict.fromkeys(_WRITABLE, write) | {"/dev": _WRITE_FILE}
    plan["/box"] |= _EXECUTE
    return plan


def _allow(ruleset: int, path: str, access: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(access, fd)
        syscalls.call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)
