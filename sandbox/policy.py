"""The seccomp policy as a table: which system calls a program is refused, and how.

Default: allowed up to the ceiling, ENOSYS above it, so that a call newer than this review does not
exist. ENOSYS where runtimes probe and fall back, EPERM where they expect a refusal; killing is for
the second system call tables alone, which no honest program uses. Why a deny table with a ceiling
and no allow list: the same protection against future calls, and compatibility with runtimes whose
next version makes a call that nobody foresaw.
"""

import errno
import socket
from typing import NamedTuple

EPERM = errno.EPERM
ENOSYS = errno.ENOSYS
EAFNOSUPPORT = errno.EAFNOSUPPORT
ENOMEM = errno.ENOMEM

#: The last system call that was reviewed: open_tree_attr. Raising it is a reviewed change.
CEILING = 467

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

Numbers = tuple[int | None, int | None]


class Group(NamedTuple):
    """Calls that get the same answer for the same reason."""

    answer: int
    """An errno; 0 fakes success."""
    reason: str
    calls: dict[str, Numbers]
    """Name -> numbers on x86-64 and aarch64, None where a machine lacks it."""


GROUPS = (
    Group(
        ENOSYS,
        "flags behind a pointer that no filter sees; the C library falls back to clone",
        {"clone3": (435, 435)},
    ),
    Group(
        ENOSYS,
        "a second way to make system calls, past every filter",
        {
            "io_uring_setup": (425, 425),
            "io_uring_enter": (426, 426),
            "io_uring_register": (427, 427),
        },
    ),
    Group(
        ENOSYS,
        "building blocks of kernel exploits, and memory that nobody accounts",
        {
            "userfaultfd": (323, 282),
            "memfd_secret": (447, 447),
            "io_setup": (206, 0),
            "io_destroy": (207, 1),
            "io_getevents": (208, 4),
            "io_submit": (209, 2),
            "io_cancel": (210, 3),
            "io_pgetevents": (333, 292),
            "remap_file_pages": (216, 234),
            "modify_ldt": (154, None),
            "map_shadow_stack": (453, 453),
            "cachestat": (451, 451),
        },
    ),
    Group(
        ENOSYS,
        "keyrings are no namespace's: they outlive a run and cross boxes",
        {"keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218)},
    ),
    Group(
        ENOSYS,
        "dead or administrative, and probed by nobody",
        {
            "uselib": (134, None),
            "ustat": (136, None),
            "sysfs": (139, None),
            "_sysctl": (156, None),
            "lookup_dcookie": (212, 18),
            "kexec_load": (246, 104),
            "kexec_file_load": (320, 294),
            "nfsservctl": (180, 42),
            "getpmsg": (181, None),
            "putpmsg": (182, None),
            "afs_syscall": (183, None),
            "tuxcall": (184, None),
            "security": (185, None),
            "vserver": (236, None),
            "create_module": (174, None),
            "get_kernel_syms": (177, None),
            "query_module": (178, None),
            "epoll_ctl_old": (214, None),
            "epoll_wait_old": (215, None),
            "statmount": (457, 457),
            "listmount": (458, 458),
            "lsm_get_self_attr": (459, 459),
            "lsm_set_self_attr": (460, 460),
            "lsm_list_modules": (461, 461),
        },
    ),
    Group(
        EPERM,
        "reaches into another process",
        {
            "ptrace": (101, 117),
            "process_vm_readv": (310, 270),
            "process_vm_writev": (311, 271),
            "kcmp": (312, 272),
            "pidfd_getfd": (438, 438),
            "process_madvise": (440, 440),
            "process_mrelease": (448, 448),
        },
    ),
    Group(
        EPERM,
        "privileged; a second line behind having no capability",
        {
            "name_to_handle_at": (303, 264),
            "open_by_handle_at": (304, 265),
            "open_tree_attr": (467, 467),
            "quotactl": (179, 60),
            "quotactl_fd": (443, 443),
            "acct": (163, 89),
            "swapon": (167, 224),
            "swapoff": (168, 225),
            "reboot": (169, 142),
            "init_module": (175, 105),
            "finit_module": (313, 273),
            "delete_module": (176, 106),
            "bpf": (321, 280),
            "perf_event_open": (298, 241),
            "fanotify_init": (300, 262),
            "fanotify_mark": (301, 263),
            "settimeofday": (164, 170),
            "clock_settime": (227, 112),
            "adjtimex": (159, 171),
            "clock_adjtime": (305, 266),
            "iopl": (172, None),
            "ioperm": (173, None),
            "syslog": (103, 116),
            "sethostname": (170, 161),
            "setdomainname": (171, 162),
            "vhangup": (153, 58),
            "chroot": (161, 51),
        },
    ),
    Group(
        EPERM,
        "kernel surface that no program of a contest needs",
        {
            "mbind": (237, 235),
            "set_mempolicy": (238, 237),
            "set_mempolicy_home_node": (450, 450),
            "get_mempolicy": (239, 236),
            "migrate_pages": (256, 238),
            "move_pages": (279, 239),
            "vmsplice": (278, 75),
        },
    ),
    Group(
        0, "writes back the whole host's disks; faked", {"sync": (162, 81), "syncfs": (306, 267)}
    ),
)

#: Left open by the outer filter, because the steps of a run still need them.
SETUP_GROUPS = (
    Group(
        EPERM,
        "mounts, namespaces and filters of our own making are final",
        {
            "mount": (165, 40),
            "umount2": (166, 39),
            "pivot_root": (155, 41),
            "move_mount": (429, 429),
            "open_tree": (428, 428),
            "fsopen": (430, 430),
            "fsconfig": (431, 431),
            "fsmount": (432, 432),
            "fspick": (433, 433),
            "mount_setattr": (442, 442),
            "setns": (308, 268),
            "unshare": (272, 97),
            "seccomp": (317, 277),
        },
    ),
    Group(
        0,
        "the kernel shares processors out by sessions (autogroup), and a run has one; faked",
        {"setsid": (112, 157)},
    ),
)

#: Refused besides where slots share files: what sticks to a file is seen from the next slot.
SHARED_GROUP = Group(
    ENOSYS,
    "locks and watches on a file of the image carry news between programs of two slots",
    {
        "inotify_init": (253, None),
        "inotify_init1": (294, 26),
        "inotify_add_watch": (254, 27),
        "flock": (73, 32),
    },
)


class ArgumentRule(NamedTuple):
    """Refuse a call by one of its arguments."""

    argument: int
    test: str
    """``any_bit``, ``one_of`` or ``none_of`` the values."""
    values: tuple[int, ...]
    errno: int
    """0 fakes success."""


#: Every CLONE_NEW* flag; threads and forks pass.
NAMESPACE_FLAGS = 0x7E020000
_TIOCSETD, _TIOCSTI, _TIOCLINUX = 0x5423, 0x5412, 0x541C
_PR_SET_SECCOMP, _PR_SET_PTRACER = 22, 0x59616D61
_FADV_DONTNEED = 4
_MAP_HUGETLB, _MFD_HUGETLB, _SHM_HUGETLB = 0x40000, 0x4, 0o4000

CLONE_RULE = ((56, 220), ArgumentRule(0, "any_bit", (NAMESPACE_FLAGS,), EPERM))
ARGUMENT_RULES = {
    "socket": ((41, 198), ArgumentRule(0, "none_of", (int(socket.AF_UNIX),), EAFNOSUPPORT)),
    "socketpair": ((53, 199), ArgumentRule(0, "none_of", (int(socket.AF_UNIX),), EAFNOSUPPORT)),
    "ioctl": ((16, 29), ArgumentRule(1, "one_of", (_TIOCSTI, _TIOCLINUX, _TIOCSETD), EPERM)),
    "prctl": ((157, 167), ArgumentRule(0, "one_of", (_PR_SET_SECCOMP, _PR_SET_PTRACER), EPERM)),
    # Huge pages that the host has reserved are not counted as anybody's memory.
    "mmap": ((9, 222), ArgumentRule(3, "any_bit", (_MAP_HUGETLB,), ENOMEM)),
    "memfd_create": ((319, 279), ArgumentRule(1, "any_bit", (_MFD_HUGETLB,), ENOMEM)),
    "shmget": ((29, 194), ArgumentRule(2, "any_bit", (_SHM_HUGETLB,), ENOMEM)),
    # An ordinary user's run-init has the program's own user, who may set its limits: without memory
    # it ends, and takes its report with it. As a capability would be asked for, EPERM.
    "prlimit64": ((302, 261), ArgumentRule(0, "one_of", (1,), EPERM)),
    # What the image's files hold lies in memory for all slots. Whoever can read a file may have it
    # dropped, and let everybody else wait for the disk. The advice is taken, and not followed.
    "fadvise64": ((221, 223), ArgumentRule(3, "one_of", (_FADV_DONTNEED,), 0)),
    # No executable data, no switched-off address randomisation; asking (0xffffffff) is fine.
    "personality": ((135, 92), ArgumentRule(0, "none_of", (0, 0xFFFFFFFF), EPERM)),
}

_F_SETLK, _F_SETLKW, _F_OFD_SETLK, _F_OFD_SETLKW, _F_SETLEASE, _F_NOTIFY = 6, 7, 37, 38, 1024, 1026
#: As SHARED_GROUP.
SHARED_RULE = (
    (72, 25),
    ArgumentRule(
        1,
        "one_of",
        (_F_SETLK, _F_SETLKW, _F_OFD_SETLK, _F_OFD_SETLKW, _F_SETLEASE, _F_NOTIFY),
        EPERM,
    ),
)


class Table(NamedTuple):
    """What one machine's filter is made of."""

    audit_arch: int
    answers: list[tuple[int, list[int]]]
    arguments: list[tuple[int, ArgumentRule]]


def for_machine(machine: str, outer: bool = False, shared: bool = False) -> Table:
    """Return the policy in the numbers of *machine*.

    Args:
        machine: ``x86_64`` or ``aarch64``.
        outer: leave the set-up group open.
        shared: for a program that shares files with those of other slots.
    """
    column = {"x86_64": 0, "aarch64": 1}[machine]
    answers: dict[int, list[int]] = {}
    groups = [*GROUPS]
    if not outer:
        groups += SETUP_GROUPS
    if shared:
        groups.append(SHARED_GROUP)
    for group in groups:
        for numbers in group.calls.values():
            number = numbers[column]
            if number is not None:
                answers.setdefault(group.answer, []).append(number)
    rules = list(ARGUMENT_RULES.values())
    if not outer:
        rules.insert(0, CLONE_RULE)
    if shared:
        rules.append(SHARED_RULE)
    arguments = [(numbers[column], rule) for numbers, rule in rules]
    return Table(AUDIT_ARCH[machine], sorted(answers.items()), arguments)
