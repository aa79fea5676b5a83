"""Attack a box from inside with short rows of the threat table, and tell which got anywhere.

The programs are those of ``attacks/``; the first lines of each say its row, the rule that it breaks
if it can, and what must be seen when it can't. A host that passed every other check may still lack
a layer, by its kernel, its configuration or our own bug: then a row shows it before a user does.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.blob import Blob
from sandbox.host import Box
from sandbox.result import Grade, Interpreter, Job, Limits, Result, Tier

#: The interpreter that runs Gavel; whoever opens a box to be attacked puts it into the image.
PYTHON = "{}/bin/python{}.{}".format(sys.base_prefix, *sys.version_info[:2])
LIMITS = Limits(time_s=5.0, wall_s=10.0, memory_bytes=256 << 20, output_bytes=1 << 20)
#: A busy host is slow, not open: what need not end at a limit of time gets so many times as much.
_PATIENCE = 3
#: How Python programs run in a box that keeps no interpreter.
COMMAND = Interpreter(argv=(PYTHON, "-B", "main.py"), env={"PATH": "/usr/bin:/bin", "HOME": "/box"})
_STDERR_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Attack:
    """A hostile program and what its header says."""

    path: Path
    header: Mapping[str, str]

    @property
    def runs(self) -> int:
        """How often it runs in a row; what one run leaves must not be there for the next."""
        return int(self.header.get("runs", "1"))

    def fits(self, grade: Grade) -> bool:
        """Tell whether it promises anything at *grade* on this machine."""
        machine = self.header.get("machine", os.uname().machine)
        return machine == os.uname().machine and self.header.get("grade", grade) == grade

    @property
    def is_python(self) -> bool:
        """Whether an interpreter runs it; all others are executed."""
        return self.path.suffix == ".py"

    def job(
        self,
        command: Interpreter,
        program: bytes | Blob,
        names: Mapping[str, str],
        *,
        tier: Tier = "exec",
        slow: int = 1,
    ) -> Job:
        """Return the job that runs it.

        Args:
            command: How a box runs Python, and the environment of all programs.
            program: What lies in the box, source or executable.
            names: What the header's ``given`` may mention: things of this host to look for.
            tier: How it is started.
            slow: If it is not to end at a limit of time it gets that many times as much.
        """
        name = command.argv[-1] if self.is_python else "program"
        files = {name: program}
        if "given" in self.header:
            files["given"] = self.header["given"].format(**names).encode()
        numbers: dict[str, float] = {}
        for part in self.header.get("limits", "").split():
            key, _, value = part.partition("=")
            numbers[key] = float(value) if key.endswith("_s") else int(value)
        limits = replace(LIMITS, **numbers)  # type: ignore[arg-type]  # a field of its type
        if not {"time_limit", "idle_limit"} & set(self._statuses):
            limits = replace(limits, time_s=limits.time_s * slow, wall_s=limits.wall_s * slow)
        return Job(
            argv=command.argv if self.is_python else (f"/box/{name}",),
            env=command.env,
            files=files,
            stdin=b"x" * int(self.header.get("stdin", "0")),
            limits=limits,
            collect=tuple(self.header.get("collect", "").split()),
            tier=tier,
        )

    def faults(self, result: Result) -> list[str]:
        """Return how *result* differs from what the header promises; empty when contained."""
        readers: dict[str, Callable[[str], tuple[object, object]]] = {
            "stdout": lambda text: (text, result.stdout.decode(errors="replace").strip()),
            "signal": lambda text: (signal.Signals[text].value, result.signal),
            "exit_code": lambda text: (int(text), result.exit_code),
            "stdout_bytes": lambda text: (int(text), len(result.stdout)),
            "stderr_bytes": lambda text: (int(text), len(result.stderr)),
            "files": lambda text: (
                dict(part.split("=") for part in text.split()),
                {name: blob.read().decode() for name, blob in result.files.items()},
            ),
            "memory_above": lambda text: (True, result.memory_bytes > int(text)),
            "memory_below": lambda text: (True, result.memory_bytes < int(text)),
            "wall_below": lambda text: (True, result.wall_s < float(text)),
        }
        found = {key: readers[key](text) for key, text in self.header.items() if key in readers}
        status = str(result.status)
        found["status"] = (True, status in self._statuses or status)
        faults = [f"{key}: want {a!r}, got {b!r}" for key, (a, b) in found.items() if a != b]
        if faults:
            text = result.stderr.decode(errors="replace")[-_STDERR_SHOWN:]
            faults.append(f"{status} exit={result.exit_code} signal={result.signal} {text}".strip())
        return faults

    @property
    def _statuses(self) -> list[str]:
        return self.header.get("status", "ok").split()


def read_attack(path: Path) -> Attack:
    """Return the program at *path* with the ``key: value`` comment lines at its top."""
    header: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if not line.startswith(("# ", "// ")):
            break
        key, _, value = line.lstrip("#/ ").partition(":")
        header[key] = value.strip()
    return Attack(path, header)


#: The short rows, about as many milliseconds each as an interpreter takes to start.
SHORT = tuple(map(read_attack, sorted((Path(__file__).parent / "attacks").glob("*.py"))))
#: Those of them that together see any one layer missing, for when there is no time for all.
FIRST = tuple(
    attack
    for attack in SHORT
    if attack.path.stem in {"layers", "mounts_flags", "new_namespaces", "raise_limits"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one row."""

    row: int
    """Its number in the threat table."""
    name: str
    rule: str
    tier: Tier
    """How the program was started."""
    faults: tuple[str, ...]
    """How it got where it must not; empty when it was contained."""

    def __str__(self) -> str:
        """Return the row and what was seen, on one line."""
        seen = "; ".join(self.faults) or "contained"
        return f"row {self.row}, {self.name}, {self.tier} tier: {seen}"


@contextmanager
def open_doors() -> Iterator[dict[str, str]]:
    """Listen on an abstract unix socket and a loopback port; gives their names for the headers."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket() as port:
        listener.bind("")  # the kernel makes up a name
        port.bind(("127.0.0.1", 0))
        for door in (listener, port):
            door.listen()
        abstract = os.fsdecode(listener.getsockname()[1:])
        yield {"abstract": abstract, "port": str(port.getsockname()[1])}


def tiers_of(box: Box) -> tuple[Tier, ...]:
    """Return the tiers that a Python program can run in."""
    return ("exec",) if box.interpreter is None else ("exec", "fork")


async def attack_box(box: Box, *, attacks: Sequence[Attack] = SHORT) -> tuple[Finding, ...]:
    """Run *attacks*, Python programs, in *box*, one after the other; return what came of each.

    Each runs in every tier that the box has.

    The short rows take some tenths of a second. Cancelling kills the one in progress.

    Raises:
        SandboxError: this host failed to run a row; that says nothing about what it confines.
    """
    findings = []
    with open_doors() as doors:
        for attack in attacks:
            if not attack.fits(box.grade):
                continue
            for tier in tiers_of(box):
                faults = await _attack(box, attack, tier, doors)
                header = attack.header
                findings.append(
                    Finding(
                        row=int(header["row"]),
                        name=attack.path.stem,
                        rule=header["rule"],
                        tier=tier,
                        faults=faults,
                    )
                )
    return tuple(findings)


async def _attack(
    box: Box, attack: Attack, tier: Tier, doors: Mapping[str, str]
) -> tuple[str, ...]:
    faults: list[str] = []
    for _ in range(attack.runs):
        job = attack.job(
            box.interpreter or COMMAND,
            attack.path.read_bytes(),
            doors,
            tier=tier,
            slow=_PATIENCE,
        )
        faults += attack.faults(await box.run(job))
    return tuple(faults)
