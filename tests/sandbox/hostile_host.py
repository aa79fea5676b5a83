"""Become a process on a host that gives less, try to build a cell there, and say what came of it.

``python hostile_host.py KIND`` prints one JSON object: the trial's grade and error, and what the
doctor would advise. KIND is one of HOSTS, each an imitation of a place where people start programs.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from sandbox import check, mounts, namespaces, seccomp, syscalls


def enter_rootless_container() -> None:
    """Be root of a user namespace that has but one id, as in a rootless container."""
    namespaces.enter_own_user_namespace()
    mounts.make_private()


def forbid_user_namespaces() -> None:
    """Forbid user namespaces by sysctl, as hardened hosts do."""
    enter_rootless_container()
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def enter_chroot() -> None:
    """Change the root by chroot(2), in which the kernel makes no user namespace."""
    enter_rootless_container()
    tree = mounts.open_tree("/")
    place = tempfile.mkdtemp(prefix="gavel-chroot-")
    mounts.attach(tree, place)
    os.close(tree)
    os.chroot(place)
    os.chdir("/")


def mask_proc() -> None:
    """Cover a folder of proc, as containers do; no namespace may show it uncovered."""
    enter_rootless_container()
    cover = mounts.make_filesystem("tmpfs", mounts.ATTR_RDONLY)
    mounts.attach(cover, "/proc/fs")
    os.close(cover)


def install_container_filter() -> None:
    """Refuse mounts and namespaces by a filter that is much like the default one of containers."""
    namespaces.forbid_new_privileges()
    seccomp.install(seccomp.assemble(syscalls.MACHINE))


HOSTS: dict[str, Callable[[], None]] = {
    "rootless": enter_rootless_container,
    "no user namespaces": forbid_user_namespaces,
    "chroot": enter_chroot,
    "masked proc": mask_proc,
    "container filter": install_container_filter,
}


def main() -> None:
    """Enter the host and try."""
    HOSTS[sys.argv[1]]()
    found = check.probe_host()
    (confinement,) = (item for item in found.items if item.name == "confinement")
    report = {
        "grade": str(found.grade),
        "finding": confinement.finding,
        "fix": confinement.fix,
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
