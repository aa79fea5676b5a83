"""The image: what a program sees of the host's files.

Only what is named is there. A folder is shown as a read-only overlay that belongs to the slot. It
costs no memory, for the host's page cache serves it; but every file in it is another inode than its
original, so what sticks to an inode (locks, leases, inotify watches) ends at the slot's edge, and
the sockets and named pipes that may lie in a folder lead nowhere. A read-only bind mount would hand
all of that through.

Where the kernel makes no overlay (none built, or two deep already in a container) the folder is
bound all the same; sockets and pipes are then looked for and covered, and the program gets the
stricter filter, without locks and watches (policy.SHARED_GROUP).
"""

import contextlib
import errno
import os
import stat
from collections.abc import Collection, Iterator
from typing import NamedTuple

from sandbox import mounts

_READ_ONLY = mounts.ATTR_RDONLY | mounts.ATTR_NOSUID | mounts.ATTR_NODEV
#: Where the pieces of overlays lie while the root is built.
_WORKSHOP = ".image"
_WHITEOUT = stat.S_IFCHR  # with number 0:0, which anybody may make
_COPY_BYTES = 4 << 20

_USUAL = (
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/libexec",
    "/usr/include",
    "/usr/share/zoneinfo",
    "/etc/alternatives",
)
_ETC_FILES = {
    "passwd": "root:x:0:0::/:/bin/false\njudge:x:1000:1000::/box:/bin/sh\n",
    "group": "root:x:0:\njudge:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "hostname": "gavel\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_ETC_COPIED = ("/etc/ld.so.cache", "/etc/localtime")


class Image(NamedTuple):
    """What a program sees of the host, at the same place as there and read-only."""

    shown: tuple[str, ...]
    """Folders; symlinks, which stay links; small files, which are copied."""
    hidden: tuple[str, ...] = ()
    """Paths within them that are not there; those that the host has not are passed over."""


#: A detached tree of mounts, the target of a link, or the content of a file.
Source = int | str | bytes


class Parts(NamedTuple):
    """An image, opened: from here on none of its paths is looked up again."""

    sources: list[tuple[str, Source]]
    """By path, parents first."""
    inner: list[tuple[str, int]]
    """Mounts below the folders, which an overlay does not reach into."""
    hidden: list[str]


def usual_paths() -> tuple[str, ...]:
    """Return what nearly every program needs to see on a usual Linux: programs and libraries."""
    return tuple(path for path in _USUAL if os.path.lexists(path))


def open_parts(image: Image) -> Parts:
    """Open every part of *image*.

    Done as the user who started us, and before /tmp is covered: a part may lie in a folder that
    only this user can enter, or below /tmp.
    """
    paths = [*image.shown, *(path for path in _ETC_COPIED if os.path.exists(path))]
    sources = [(path, _open(path)) for path in sorted(set(paths))]
    folders = [path for path, source in sources if isinstance(source, int)]
    inner = []
    for path in _mounts_below(folders):
        with contextlib.suppress(PermissionError):  # nor could a program enter it
            inner.append((path, mounts.open_tree(path)))
    return Parts(sources, inner, [path for path in image.hidden if os.path.lexists(path)])


def _open(path: str) -> Source:
    if os.path.islink(path) and path not in _ETC_COPIED:
        return os.readlink(path)
    if os.path.isdir(path):
        return mounts.open_tree(path)
    with open(path, "rb") as file:
        content = file.read(_COPY_BYTES + 1)
    if len(content) > _COPY_BYTES:
        raise OSError(errno.EFBIG, f"{path} is no folder, and too large to be copied")
    return content


def _mounts_below(folders: list[str]) -> list[str]:
    """Return where in *folders* another file system is mounted."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = {_unescape(line.split(" ")[4]) for line in file}
    return sorted(
        folder + point[len(real) :]
        for folder in folders
        for real in [os.path.realpath(folder)]
        for point in points
        if point.startswith(real + "/")
    )


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def show(root: str, parts: Parts, without: Collection[str] = ()) -> bool:
    """Show *parts* below *root*; return whether every folder is an overlay of our own.

    Args:
        root: an empty, writable folder, the later root.
        parts: of :func:`open_parts`; their descriptors are closed.
        without: what a test leaves out: ``overlay``, ``covers``.
    """
    workshop = f"{root}/{_WORKSHOP}"
    os.mkdir(workshop, 0o700)
    fd = mounts.make_filesystem("tmpfs", _READ_ONLY & ~mounts.ATTR_RDONLY, size="1m", mode="700")
    mounts.attach(fd, workshop)
    os.close(fd)
    _write_etc(root)
    own = True
    for number, (path, source) in enumerate((*parts.sources, *parts.inner)):
        os.makedirs(os.path.dirname(root + path), 0o755, exist_ok=True)
        if isinstance(source, str):
            os.symlink(source, root + path)
        elif isinstance(source, bytes):
            _write(root + path, source)
        else:
            hidden = [_below(path, each) for each in parts.hidden if each.startswith(path + "/")]
            own = _Folder(root, path, f"{workshop}/{number}", hidden).show(source, without) and own
            os.close(source)
    mounts.detach(workshop)  # what was made of the pieces holds them
    os.rmdir(workshop)
    return own


def _below(folder: str, path: str) -> str:
    return path[len(folder) + 1 :]


def _write_etc(root: str) -> None:
    os.makedirs(f"{root}/etc", 0o755, exist_ok=True)
    for name, text in _ETC_FILES.items():
        _write(f"{root}/etc/{name}", text.encode())


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


class _Folder(NamedTuple):
    """One folder on its way into the root."""

    root: str
    path: str
    work: str
    hidden: list[str]

    def show(self, tree: int, without: Collection[str]) -> bool:
        """Show the detached *tree*; return whether it became an overlay."""
        target = self.root + self.path
        if not stat.S_ISDIR(os.fstat(tree).st_mode):  # a file that is mounted over another
            _attach(tree, target)
            return False
        os.makedirs(target, 0o755, exist_ok=True)
        for name in ("lower", "mask", "none"):
            os.makedirs(f"{self.work}/{name}", 0o755)
        mounts.attach(tree, f"{self.work}/lower")
        if "overlay" not in without:
            with contextlib.suppress(OSError):
                self._lay(target)
                return True
        _bind(f"{self.work}/lower", target)
        for name in self.hidden:
            self._cover(f"{target}/{name}")
        if "covers" not in without:
            for path in find_special(target):
                self._cover(path)
        return False

    def _lay(self, target: str) -> None:
        for name in self.hidden:
            os.makedirs(os.path.dirname(f"{self.work}/mask/{name}"), 0o755, exist_ok=True)
            os.mknod(f"{self.work}/mask/{name}", _WHITEOUT, os.makedev(0, 0))
        layers = f"{self.work}/mask:{self.work}/lower"
        fd = mounts.make_filesystem(
            "overlay", _READ_ONLY, lowerdir=layers, xino="off", redirect_dir="nofollow"
        )
        mounts.attach(fd, target)
        os.close(fd)

    def _cover(self, path: str) -> None:
        """Mount nothing over *path*: an empty folder, or an empty file."""
        nothing = f"{self.work}/none"
        if not os.path.isdir(path):
            nothing += "file"
            _write(nothing, b"")
        _bind(nothing, path)


def _bind(source: str, target: str) -> None:
    tree = mounts.open_tree(source)
    _attach(tree, target)
    os.close(tree)


def _attach(tree: int, target: str) -> None:
    mounts.set_attributes(tree, b"", _READ_ONLY, recursive=True)
    mounts.attach(tree, target)


def find_special(folder: str) -> Iterator[str]:
    """Find what is neither file, folder nor link below *folder*: sockets, named pipes, devices."""
    todo = [folder]
    while todo:
        try:
            entries = os.scandir(todo.pop())
        except PermissionError:  # nor could a program see what is in there
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink():
                    yield entry.path
