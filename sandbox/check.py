"""What this host can enforce, what happens where it can't, and the command that mends it.

The central question is not asked of files but tried: :func:`probe_host` starts a launcher and has
it build a cell, so a layer that is silently missing shows up by the name of its step.
"""

import errno
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sandbox import frames, job, launcher, run
from sandbox.cgroup.select import find_parents
from sandbox.errors import SandboxError
from sandbox.image import Image, usual_paths
from sandbox.launched import launcher_command
from sandbox.result import Grade
from sandbox.settings import Setting, find_taken_ids, read_settings

_TRIAL_S = 15.0
#: What a container must be given to confine programs in it. It then guards the host less.
_CONTAINER = (
    "give the container its own control groups and: --cap-add SYS_ADMIN "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One thing that the sandbox wants of a host."""

    name: str
    works: bool
    needed: bool
    """Without it no program runs at all."""
    finding: str
    """What was seen."""
    fallback: str
    """What happens without it."""
    fix: str
    """The command or setting that mends it; empty when nothing is wrong."""
    advice: bool = False
    """Programs are confined just as well without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this host can enforce."""

    grade: Grade | None
    """The grade that programs run at; None when none can run."""
    items: tuple[Capability, ...]


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


class Trial(NamedTuple):
    """What came of building a cell."""

    full: bool
    """Control groups count and limit."""
    shared: bool
    """Programs of two slots share files: no overlay could be made."""
    error: SandboxError | None


def try_cell() -> Trial:
    """Start a launcher, have it build a cell and park a run; return what came of it."""
    ours, theirs = frames.make_pair()
    slot, slot_end = frames.make_pair()
    with ours, slot:
        with theirs, slot_end:
            process = subprocess.Popen(
                launcher_command(theirs.fileno()), pass_fds=[theirs.fileno()], env={}, cwd="/"
            )
            ours.settimeout(_TRIAL_S)
            slot.settimeout(_TRIAL_S)
            frames.send(ours, launcher.pack_start(Image(usual_paths())))
            frames.send(ours, launcher.pack_open(0), [slot_end.fileno()])
        try:
            return _hear_trial(*(frames.receive(sock)[0] for sock in (ours, slot)))
        except TimeoutError:
            return Trial(
                False, False, SandboxError("launcher", 0, f"no answer in {_TRIAL_S:.0f} s")
            )
        finally:
            ours.close()
            process.wait(_TRIAL_S)


def _hear_trial(ready: bytes, up: bytes) -> Trial:
    for frame in (ready, up):
        if frame[:1] == run.FAILED:
            return Trial(False, False, run.read_failure(frame))
    if ready[:1] != launcher.READY or up not in (job.UP, job.UP_SHARED):
        return Trial(False, False, SandboxError("launcher", 0, "it ended without a word"))
    (full,), _ = frames.unpack_frame(ready, launcher.READY_HEAD, 0)
    return Trial(full, up == job.UP_SHARED, None)


def _check_confinement(error: SandboxError | None) -> Capability:
    return Capability(
        name="confinement",
        works=error is None,
        needed=True,
        finding="a cell stands and a run is parked in it" if error is None else str(error),
        fallback="nothing runs",
        fix="" if error is None else _mend_confinement(error),
    )


def _mend_confinement(error: SandboxError) -> str:
    if _read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or start Gavel as root"
    if _read("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        return "sysctl -w kernel.unprivileged_userns_clone=1, or start Gavel as root"
    if _read("/proc/sys/user/max_user_namespaces") == "0":
        return "sysctl -w user.max_user_namespaces=256"
    if error.errno == errno.EPERM and error.step in ("cell namespaces", "launcher"):
        return f"start Gavel outside of chroots and containers, or {_CONTAINER}"
    if error.errno == errno.EPERM and error.step == "root":
        return f"parts of /proc are covered, as in a container: {_CONTAINER}"
    return f"the step `{error.step}` needs Linux 5.12 or later outside an unprivileged container"


def _check_accounting(full: bool) -> Capability:
    found = find_parents()
    return Capability(
        name="control groups",
        works=full,
        needed=False,
        finding="groups below " + ", ".join(found) if found else "none that we may make groups in",
        fallback="memory, processes and CPU time are sampled; grade reduced",
        fix="" if full else "systemd-run --user --scope -p Delegate=yes gavel up, or start as root",
    )


def _check_overlay(shared: bool) -> Capability:
    return Capability(
        name="own files",
        works=not shared,
        needed=False,
        finding="slots share the files of the image, for no overlay can be made"
        if shared
        else "every slot has its overlay of the image",
        fallback="programs may not lock or watch files, which slots would see of each other",
        fix="modprobe overlay; in a container, give /usr a volume of its own" if shared else "",
    )


def _check_swap(full: bool) -> Capability:
    swaps = _read("/proc/swaps").splitlines()[1:]
    works = full or not swaps
    return Capability(
        name="swap",
        works=works,
        needed=False,
        finding="no swap" if not swaps else "a run's group counts it or keeps it off",
        fallback="a program may use swap beyond its memory limit",
        fix="" if works else "swapoff -a",
    )


def _check_ids() -> Capability:
    taken = find_taken_ids(launcher.FIRST_ID, launcher.IDS)
    span = f"{launcher.FIRST_ID} to {launcher.FIRST_ID + launcher.IDS - 1}"
    return Capability(
        name="user ids",
        works=not taken,
        needed=False,
        finding=f"{', '.join(taken)} lies within {span}" if taken else f"{span} are nobody's",
        fallback="programs may run as a user of this host, and reach its processes' quotas",
        fix=f"move what is named there out of {span}" if taken else "",
    )


def _check_setting(setting: Setting, value: str, good: bool) -> Capability:
    return Capability(
        name=setting.name,
        works=good,
        needed=False,
        finding=f"/{setting.path} is {value!r}" if value else "nothing to set",
        fallback=setting.fallback,
        fix="" if good else setting.fix,
        advice=setting.advice,
    )


def probe_host() -> Capabilities:
    """Find out what this host can enforce; starts and ends a launcher, takes about 0.2 s."""
    full, shared, error = try_cell()
    items = (
        _check_confinement(error),
        _check_accounting(full),
        _check_overlay(shared),
        _check_swap(full),
        _check_ids(),
        *(_check_setting(*found) for found in read_settings()),
    )
    grade = None if error else Grade.FULL if full else Grade.REDUCED
    return Capabilities(grade=grade, items=items)
