"""Capabilities: cut them down to a few for the cell, to none for the program."""

import ctypes

from sandbox import syscalls

CHOWN = 0
DAC_OVERRIDE = 1
KILL = 5
SETGID = 6
SETUID = 7
SETPCAP = 8
SYS_ADMIN = 21
MKNOD = 27
SETFCAP = 31

#: What launcher and wardens need on the host: to mount and to make namespaces; to give a cell its
#: ids; to fill a box, and to look into it, which is the program's alone; to make device nodes. A
#: program is killed, and sampled, by the rights that the maker of a user namespace has in it.
LAUNCHER = (CHOWN, DAC_OVERRIDE, SETGID, SETUID, SETPCAP, SYS_ADMIN, MKNOD)
#: In a user namespace of its own its user is root there, whom only this lets appear in a cell.
OWN_LAUNCHER = (*LAUNCHER, SETFCAP)

#: What cell-init and run-init still need: mounts and namespaces, becoming the program's user, and
#: ending it. They hold them in the cell's user namespace only.
CELL = (KILL, SETGID, SETUID, SETPCAP, SYS_ADMIN)

_VERSION_3 = 0x20080522
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_PR_CAP_AMBIENT_CLEAR_ALL = 4
# NOROOT and NO_SETUID_FIXUP off, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE on, and all of it locked:
# uid 0, should anybody reach it, is an ordinary number.
_SECUREBITS = 0x01 | 0x02 | 0x08 | 0x20 | 0x40 | 0x80


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
        ("effective_high", ctypes.c_uint32),
        ("permitted_high", ctypes.c_uint32),
        ("inheritable_high", ctypes.c_uint32),
    ]


def keep_bounding(kept: tuple[int, ...]) -> None:
    """Drop all but *kept* from what any descendant could ever gain."""
    capability = 0
    while True:
        try:
            held = syscalls.prctl(_PR_CAPBSET_READ, capability)
        except OSError:  # EINVAL: beyond the last one that this kernel knows
            return
        if held and capability not in kept:
            syscalls.prctl(_PR_CAPBSET_DROP, capability)
        capability += 1


def limit(kept: tuple[int, ...]) -> None:
    """Keep only *kept*, for this process and for all descendants in its user namespace.

    One that is not held is not missed here: the step that needs it will name itself.
    """
    keep_bounding(kept)
    sets = _Sets()
    syscalls.call("capget", _Header(_VERSION_3, 0), sets)
    keep(tuple(capability for capability in kept if sets.permitted >> capability & 1))


def drop_bounding(dropped: tuple[int, ...]) -> None:
    """Drop *dropped* from what any descendant could ever gain."""
    for capability in dropped:
        syscalls.prctl(_PR_CAPBSET_DROP, capability)


def keep(kept: tuple[int, ...]) -> None:
    """Keep only *kept*, all below 32, as effective and permitted; nothing is inheritable."""
    mask = sum(1 << capability for capability in kept)
    sets = _Sets(mask, mask, 0, 0, 0, 0)
    syscalls.call("capset", _Header(_VERSION_3, 0), sets)


def pass_on(kept: tuple[int, ...]) -> None:
    """Let what this process executes next hold *kept*, of which it holds all, as any user."""
    mask = sum(1 << capability for capability in kept)
    syscalls.call("capset", _Header(_VERSION_3, 0), _Sets(mask, mask, mask, 0, 0, 0))
    for capability in kept:
        syscalls.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def lock() -> None:
    """Lock the secure bits and clear the ambient set: no way leads back to a capability."""
    syscalls.prctl(_PR_SET_SECUREBITS, _SECUREBITS)
    syscalls.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
