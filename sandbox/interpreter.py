"""The interpreter of a cell: a Python that is started once and forks the programs of all its runs.

Theory of operation
-------------------
Starting an interpreter costs far more than all the confinement. So cell-init, when its cell stands,
executes the language's own interpreter in place of itself, with exactly the command and environment
of a run: ``python -B main.py`` in /box. That start is an ordinary one up to the point where the
interpreter would look what ``main.py`` is. There, :mod:`sandbox.zygote` is called; it parks runs
as cell-init does (same code), and a child that is told to go returns from that call. What
follows is the interpreter's own: it finds the program in /box, runs it as ``__main__``, prints its
errors, joins its threads, ends with its exit code. Nothing of that is imitated here.

How the zygote gets there: /box of the bare cell, which every run covers with its own, is also the
home directory, and in it lies a user site with ``usercustomize`` and the modules needed, compiled.
"""

import fcntl
import marshal
import os
import resource
import socket
import sys
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import NamedTuple, NoReturn

from sandbox import capabilities, memfd
from sandbox.errors import SandboxError

SOCKET_FD = 3
STDERR_FD = 4
HOME = "/box"
_FREE = "t" if "t" in getattr(sys, "abiflags", "") else ""
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}{_FREE}"
#: Where this version of Python looks for a user's own modules.
SITE = f"{HOME}/.local/lib/python{_VERSION}/site-packages"
CONFINEMENT_FILE = f"{HOME}/.local/confinement"
_MODULES = (
    "capabilities", "ending", "errors", "frames", "interpreter", "landlock", "memfd", "mounts",
    "namespaces", "parking", "policy", "rlimits", "run", "seccomp", "steps", "syscalls", "warm",
    "zygote",
)  # fmt: skip
_START = "from sandbox import zygote\nzygote.arm()\n"
#: The gap that the kernel leaves for the stack is fixed at exec; the limit itself is a run's own.
_STACK_GAP_BYTES = 16 << 30


class Plan(NamedTuple):
    """The command that a cell keeps started, as the warden and the cell know it."""

    argv: list[bytes]
    env: list[bytes]
    site: dict[str, bytes]
    """What lies in the user site: file by name."""


def compile_site() -> dict[str, bytes]:
    """Return the modules of the zygote, compiled, by their path in the user site.

    Compiled from source under short names: a program that reads its memory learns no path of the
    host.
    """
    header = MAGIC_NUMBER + bytes(12)
    folder = Path(__file__).parent
    site = {"usercustomize.pyc": _START}
    site |= {f"sandbox/{name}.pyc": (folder / f"{name}.py").read_text() for name in _MODULES}
    return {
        path: header + marshal.dumps(compile(text, path, "exec", dont_inherit=True, optimize=2))
        for path, text in site.items()
    }


def place(root: str, plan: Plan, confinement: bytes) -> None:
    """Put what the zygote reads below *root*, where only the cell sees it."""
    files = {f"{SITE}/{path}": data for path, data in plan.site.items()}
    files[CONFINEMENT_FILE] = confinement
    for path, data in files.items():
        target = Path(root + path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def start(sock: socket.socket, argv: list[bytes], env: Mapping[bytes, bytes]) -> NoReturn:
    """Execute the interpreter in place of this process, which keeps its place and its privileges.

    Its standard streams have the kinds that a run's have, since it sets up its buffers by them:
    a memory file and two pipes.

    Raises:
        SandboxError: it can't be executed.
    """
    capabilities.pass_on(capabilities.CELL)
    pipe = os.pipe()[1]
    places = ((memfd.open_memfd("stdin"), 0), (pipe, 1), (2, STDERR_FD), (pipe, 2))
    sources = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd, _ in places]
    os.dup2(fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, 10), SOCKET_FD)
    for source, (_, target) in zip(sources, places, strict=True):
        os.dup2(source, target)
    os.chdir(HOME)
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    gap = _STACK_GAP_BYTES if hard == resource.RLIM_INFINITY else min(hard, _STACK_GAP_BYTES)
    resource.setrlimit(resource.RLIMIT_STACK, (gap, hard))
    try:
        os.execve(argv[0], argv, env)  # noqa: S606 - no shell is the point
    except OSError as exc:
        raise SandboxError("interpreter", exc.errno or 0, os.fsdecode(argv[0])) from exc
