"""Control groups: v1, v2 and hybrid hosts behind one interface."""

import contextlib
import os


def read_text(path: str) -> str:
    """Return the content of a file of proc or cgroup."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def write_text(path: str, text: str) -> None:
    """Write *text* to a file of cgroup, in one call as it must be."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def find_mounts(kind: str) -> list[tuple[str, str, str]]:
    """Return (mount point, root, options) of each mounted file system of *kind*."""
    found = []
    for line in read_text("/proc/self/mountinfo").splitlines():
        fields, _, tail = line.partition(" - ")
        if tail.split(" ", 1)[0] == kind:
            found.append((fields.split(" ")[4], fields.split(" ")[3], tail.rpartition(" ")[2]))
    return found


def locate(mounted: str, root: str, path: str) -> str:
    """Return where the group *path* is seen below a mount that shows *root*."""
    inside = path if root == "/" else "/" + os.path.relpath(path, root)
    return os.path.normpath(mounted + inside)


def remove_group(folder: str) -> bool:
    """Remove an empty group; False when it is still in use."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def remove_below(folder: str, prefix: str) -> bool:
    """Remove the groups in *folder* whose names start with *prefix*; False when one is in use."""
    done = True
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.is_dir() and entry.name.startswith(prefix):
                done = remove_group(entry.path) and done
    return done
