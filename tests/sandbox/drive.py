"""Run the hostile programs in a sandbox of this user and tell what differed from their headers.

A process of its own, so that the same table runs as root and as an ordinary user:
``python drive.py BUILD_DIR [--without STEP ...] [--only NAME ...]`` prints one JSON object,
program name -> list of faults. Each program's first lines say its row of the threat table, its rule
and what must be seen.
"""

import argparse
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import trio

from sandbox import Blob, Box, Grade, Job, Limits, Result, RunStatus, Sandbox, open_sandbox

TABLE = sorted((Path(__file__).parent / "programs").iterdir())
IMAGE = [path for path in ("/usr", "/bin", "/lib", "/lib64") if Path(path).exists()]
#: The launcher; a slot's warden, cell-init, and init and child of each of two parked runs.
BASE, PER_SLOT = 1, 6
PYTHON = "/usr/bin/python3"
DEFAULTS = {
    "time_s": 5.0, "wall_s": 10.0, "memory_bytes": 256 << 20, "output_bytes": 1 << 20,
}  # fmt: skip


def read_header(path: Path) -> dict[str, str]:
    """Return the ``key: value`` comment lines at the top of a program."""
    header: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if not line.startswith(("# ", "// ")):
            break
        key, _, value = line.lstrip("#/ ").partition(":")
        header[key] = value.strip()
    return header


def fits(path: Path, grade: Grade, uml: bool) -> bool:
    """Tell whether the program at *path* promises anything on a host of this kind."""
    header = read_header(path)
    if uml and header.get("kernel") == "not uml":
        return False
    return header.get("grade", str(grade)) == str(grade)


def make_job(
    path: Path, header: dict[str, str], build: Path, names: dict[str, str], slow: int
) -> Job:
    """Return the job that runs the program at *path*, *slow* times as long if it ends by itself."""
    if path.suffix == ".c":
        content = (build / path.stem).read_bytes()
        argv, file = ("/box/program",), "program"
    else:
        content = path.read_bytes()
        file = "program" + path.suffix
        argv = (PYTHON, "/box/" + file) if path.suffix == ".py" else ("/box/" + file,)
    arguments = tuple(part.format(**names) for part in header.get("args", "").split())
    numbers = dict(DEFAULTS)
    for part in header.get("limits", "").split():
        key, _, value = part.partition("=")
        numbers[key] = float(value) if key.endswith("_s") else int(value)
    if header.get("status", "ok") == "ok":
        numbers["time_s"] *= slow
        numbers["wall_s"] *= slow
    return Job(
        argv=argv + arguments,
        env={"PATH": "/usr/bin:/bin", "HOME": "/box", "PYTHONDONTWRITEBYTECODE": "1"},
        files={file: Blob.from_bytes(content, executable=path.suffix != ".py")},
        stdin=b"x" * int(header.get("stdin", 0)),
        limits=Limits(**numbers),  # type: ignore[arg-type]
        collect=tuple(header.get("collect", "").split()),
    )


def find_faults(header: dict[str, str], result: Result) -> list[str]:
    """Return how *result* differs from what the header promises."""
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
    found = {key: read(header[key]) for key, read in readers.items() if key in header}
    statuses = header.get("status", "ok").split()
    found["status"] = (True, str(result.status) in statuses or f"{result.status}")
    faults = [f"{key}: want {a!r}, got {b!r}" for key, (a, b) in found.items() if a != b]
    if faults:
        text = result.stderr.decode(errors="replace")[-500:]
        faults.append(f"{result.status} exit={result.exit_code} signal={result.signal} {text}")
    return faults


def descendants(pid: int) -> list[int]:
    """Return all live processes below *pid*."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in map(int, children):
            found.append(child)
            try:
                found += descendants(child)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def launcher_groups() -> list[Path]:
    """Return the control groups that launchers on this host have, dead ones included."""
    # os.walk, not glob: groups of others vanish while we look, and that must not be an error.
    return [
        Path(folder, name)
        for folder, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if name.startswith("gavel-") and name.count("-") == 2
    ]


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until *condition*, about other processes, which notify nobody, holds."""
    while not condition():  # noqa: ASYNC110 - nothing signals the end of a stranger's process
        await trio.sleep(0.005)


async def settle(wanted: int) -> int:
    """Wait until there are *wanted* processes below this one; return how many there are."""
    with trio.move_on_after(10):
        await wait_until(lambda: len(descendants(os.getpid())) == wanted)
        return wanted
    return len(descendants(os.getpid()))


async def attack(box: Box, path: Path, build: Path, names: dict[str, str], slow: int) -> list[str]:
    """Run one program as often as its header says, then an honest one; return the faults."""
    header = read_header(path)
    faults: list[str] = []
    before = BASE + PER_SLOT
    for _ in range(int(header.get("runs", 1))):
        job = make_job(path, header, build, names, slow)
        result = await box.run(job)
        faults += find_faults(header, result)
        for blob in (*result.files.values(), *job.files.values()):
            if isinstance(blob, Blob):
                blob.close()
    after = await settle(before)
    if after != before:
        faults.append(f"{before} processes before, {after} after")
    clean = await box.run(Job(argv=("/bin/echo", "clean"), limits=Limits(**DEFAULTS)))  # type: ignore[arg-type]
    if (clean.status, clean.stdout) != (RunStatus.OK, b"clean\n"):
        faults.append(f"the next run was not clean: {clean}")
    return faults


async def drive(
    sandbox: Sandbox, paths: list[Path], build: Path, slow: int
) -> dict[str, list[str]]:
    """Run every program, one after another in each box, and return the faults of each."""
    faults: dict[str, list[str]] = {}
    todo = list(reversed(paths))
    secret = build / "gavel-canary"
    abstract = f"gavel-test-{os.getpid()}"
    names = {"secret": str(secret), "abstract": abstract}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + abstract)
        listener.listen()
        while todo:
            path = todo.pop()
            await settle(BASE + PER_SLOT)
            with trio.fail_after(60 * slow):
                faults[path.name] = await attack(sandbox.boxes[0], path, build, names, slow)
    return faults


def main() -> None:
    """Parse the arguments, run the table, print the faults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--uml", action="store_true", help="this is user-mode-linux, and slow")
    options = parser.parse_args()
    paths = [path for path in TABLE if not options.only or path.name in options.only]
    json.dump(trio.run(run_table, options, paths), sys.stdout)


async def run_table(options: argparse.Namespace, paths: list[Path]) -> dict[str, object]:
    """Run the programs that promise anything here; return the grade and their faults."""
    async with open_sandbox(
        slots=1, image=IMAGE, grade=Grade.REDUCED, _without=options.without
    ) as sandbox:
        paths = [
            path
            for path in paths
            if (options.without or fits(path, sandbox.grade, options.uml))
            and read_header(path).get("machine", os.uname().machine) == os.uname().machine
        ]
        faults = await drive(sandbox, paths, options.build, 20 if options.uml else 1)
    return {"grade": str(sandbox.grade), "faults": faults}


if __name__ == "__main__":
    main()
