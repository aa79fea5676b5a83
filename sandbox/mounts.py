"""Mounts: a root that shows only what a program needs, read-only to the last submount.

Everything is done before untrusted code exists, from descriptors or paths that no user controls.
"""

import ctypes
import os
import stat

from sandbox import syscalls
from sandbox.syscalls import AT_EMPTY_PATH, AT_FDCWD

ATTR_RDONLY = 0x1
ATTR_NOSUID = 0x2
ATTR_NODEV = 0x4
ATTR_NOEXEC = 0x8

_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4
_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_FSPICK_CLOEXEC = 1
_FSPICK_EMPTY_PATH = 8
_FSCONFIG_SET_STRING = 1
_FSCONFIG_CMD_CREATE = 6
_FSCONFIG_CMD_RECONFIGURE = 7
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
_MNT_DETACH = 2

#: Device nodes of a cell: number by name.
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
#: The parts of a run's tmpfs and where they are seen; only /box may hold programs.
BOX_PARTS = {"box": "/box", "tmp": "/tmp", "shm": "/dev/shm"}  # noqa: S108 - paths inside a cell


class _MountAttr(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def set_attributes(fd: int, path: bytes, attributes: int, recursive: bool = False) -> None:
    """Add mount flags; unlike a remounted bind, *recursive* reaches every submount."""
    flags = AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    attr = _MountAttr(attributes, 0, 0, 0)
    syscalls.call("mount_setattr", fd, path, flags, attr, ctypes.sizeof(attr))


def open_tree(path: str) -> int:
    """Return a detached copy of the mounts at *path*."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_RECURSIVE
    return syscalls.call("open_tree", AT_FDCWD, os.fsencode(path), flags)


def attach(fd: int, path: str) -> None:
    """Attach the detached mount *fd* at *path*."""
    target = os.fsencode(path)
    syscalls.call("move_mount", fd, b"", AT_FDCWD, target, _MOVE_MOUNT_F_EMPTY_PATH)


def make_filesystem(kind: str, attributes: int, **options: str) -> int:
    """Return a detached, new file system of *kind*."""
    context = syscalls.call("fsopen", kind.encode(), _FSOPEN_CLOEXEC)
    try:
        for key, value in options.items():
            syscalls.call(
                "fsconfig", context, _FSCONFIG_SET_STRING, key.encode(), value.encode(), 0
            )
        syscalls.call("fsconfig", context, _FSCONFIG_CMD_CREATE, None, None, 0)
        return syscalls.call("fsmount", context, _FSMOUNT_CLOEXEC, attributes)
    finally:
        os.close(context)


def resize(fd: int, size: int, inodes: int) -> None:
    """Set the caps of the tmpfs whose root is *fd*."""
    context = syscalls.call("fspick", fd, b"", _FSPICK_CLOEXEC | _FSPICK_EMPTY_PATH)
    try:
        for key, value in (("size", size), ("nr_inodes", inodes)):
            text = str(value).encode()
            syscalls.call("fsconfig", context, _FSCONFIG_SET_STRING, key.encode(), text, 0)
        syscalls.call("fsconfig", context, _FSCONFIG_CMD_RECONFIGURE, None, None, 0)
    finally:
        os.close(context)


def make_private() -> None:
    """Let no mount event in or out of this mount namespace."""
    syscalls.libc_call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)


def make_device_tree() -> int:
    """Return a detached, read-only /dev with nodes of our own; needs real root.

    The host's nodes may belong to anybody (here and there to the very user that programs run as).
    """
    fd = make_filesystem("tmpfs", ATTR_NOSUID | ATTR_NOEXEC, size="64k", nr_inodes="32", mode="755")
    for name, (major, minor) in DEVICES.items():
        os.mknod(name, stat.S_IFCHR | 0o666, os.makedev(major, minor), dir_fd=fd)
        os.chmod(name, 0o666, dir_fd=fd)  # noqa: S103 - for all, whatever the umask cut
    _finish_device_tree(fd)
    set_attributes(fd, b"", ATTR_RDONLY)
    return fd


def _finish_device_tree(fd: int) -> None:
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, name, dir_fd=fd)
    os.mkdir("shm", 0o755, dir_fd=fd)


def _bind_host_devices(root: str) -> None:
    """Build /dev in *root* from the host's nodes, for who may not make any."""
    fd = make_filesystem("tmpfs", ATTR_NOSUID | ATTR_NOEXEC, size="64k", nr_inodes="32", mode="755")
    trees = {name: open_tree(f"/dev/{name}") for name in DEVICES}
    attach(fd, f"{root}/dev")
    for name, tree in trees.items():
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd))
        set_attributes(tree, b"", ATTR_RDONLY | ATTR_NOSUID | ATTR_NOEXEC)
        attach(tree, f"{root}/dev/{name}")
        os.close(tree)
    _finish_device_tree(fd)
    set_attributes(fd, b"", ATTR_RDONLY)
    os.close(fd)


def make_root() -> str:
    """Put an empty new root over /tmp of this mount namespace and return its place."""
    root = "/tmp"  # noqa: S108 - covered by the new root
    fd = make_filesystem("tmpfs", ATTR_NOSUID | ATTR_NODEV, size="8m", nr_inodes="2048", mode="755")
    attach(fd, root)
    os.close(fd)
    for name in ("dev", "proc", "box", "tmp", ".run"):
        os.mkdir(f"{root}/{name}", 0o755)
    os.mkdir(f"{root}/.proc", 0o700)
    return root


def show_devices(root: str, devices: int | None) -> None:
    """Show /dev: *devices*, a tree of :func:`make_device_tree`, or without one the host's nodes."""
    if devices is None:
        _bind_host_devices(root)
    else:
        attach(devices, f"{root}/dev")


def mount_proc(path: str, whole: bool) -> None:
    """Mount this pid namespace's proc: *whole*, or only the folders of visible processes."""
    context = syscalls.call("fsopen", b"proc", _FSOPEN_CLOEXEC)
    try:
        if not whole:
            for key, value in ((b"subset", b"pid"), (b"hidepid", b"invisible")):
                syscalls.call("fsconfig", context, _FSCONFIG_SET_STRING, key, value, 0)
        syscalls.call("fsconfig", context, _FSCONFIG_CMD_CREATE, None, None, 0)
        # A program has nothing to write there: not its out-of-memory score, nor an id map.
        flags = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC | (0 if whole else ATTR_RDONLY)
        fd = syscalls.call("fsmount", context, _FSMOUNT_CLOEXEC, flags)
    finally:
        os.close(context)
    attach(fd, path)
    os.close(fd)


def enter_root(root: str) -> None:
    """Make *root* the root of this namespace and let go of the old one for good."""
    os.chdir(root)
    syscalls.call("pivot_root", b".", b".")
    syscalls.libc_call("umount2", b".", _MNT_DETACH)
    os.chdir("/")


def lock_root() -> None:
    """Make the root itself read-only; its submounts are so already."""
    set_attributes(AT_FDCWD, b"/", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV)


def make_box(uid: int, gid: int, size: int, inodes: int) -> int:
    """Return a detached tmpfs with a run's writable folders, owned by *uid*."""
    attributes = ATTR_NOSUID | ATTR_NODEV
    fd = make_filesystem("tmpfs", attributes, size=str(size), nr_inodes=str(inodes), mode="755")
    for name in BOX_PARTS:
        os.mkdir(name, 0o700, dir_fd=fd)
        os.chown(name, uid, gid, dir_fd=fd)
    return fd


def attach_box(fd: int) -> None:
    """Show the parts of a run's tmpfs at their places."""
    attach(fd, "/.run")
    for name, path in BOX_PARTS.items():
        target = path.encode()
        syscalls.libc_call("mount", f"/.run/{name}".encode(), target, None, _MS_BIND, None)
    detach("/.run")


def forbid_execution() -> None:
    """Let no program be executed from the writable places but /box."""
    for name, path in BOX_PARTS.items():
        if name != "box":
            set_attributes(AT_FDCWD, path.encode(), ATTR_NOEXEC)


def detach(path: str) -> None:
    """Take away the mount at *path*, at once or when its last user ends."""
    syscalls.libc_call("umount2", path.encode(), _MNT_DETACH)
