"""`gavel run` and `gavel languages` as people and scripts call them, in the real sandbox."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from judging.languages import load_languages
from tests.daemons.worker.conftest import Worker, eventually, still_alive

ROOT = Path(__file__).parents[3]
GAVEL = (sys.executable, "-m", "daemons.cli.main")
PATIENCE_S = 120.0

MEMBERS = {
    *("status", "stdout", "stderr", "exit_code", "signal", "time_s", "wall_s", "memory_bytes"),
    *("compile_output", "tier", "grade"),
}
#: In a user namespace of its own a process may forbid itself all further ones: no sandbox then.
NO_SANDBOX = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"',
    "sh",
)


def gavel(
    *args: str,
    stdin: bytes = b"",
    before: tuple[str, ...] = (),
    patience_s: float = PATIENCE_S,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command `gavel` with *args*, under the command *before*."""
    return subprocess.run(
        [*before, *GAVEL, *args],
        input=stdin,
        capture_output=True,
        timeout=patience_s,
        check=False,
        cwd=ROOT,
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that any user may read, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="gavel-run-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def program(folder: Path) -> Any:
    """Give the function that writes a program and returns its path."""

    def write(code: str, name: str = "program.py") -> str:
        path = folder / name
        path.write_text(code)
        return str(path)

    return write


def report_of(*args: str, exit_code: int = 1, **more: Any) -> dict[str, Any]:
    """Return the JSON document of a run that ends with *exit_code*."""
    done = gavel("run", *args, "--json", **more)
    assert done.returncode == exit_code, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert set(report) == MEMBERS
    return report


def test_run_prints_the_programs_output_and_what_it_used(program: Any, folder: Path) -> None:
    """Its bytes come out unchanged, on its own streams; the line about it goes to stderr."""
    (folder / "input").write_bytes(b"\xff\x00 in")
    code = (
        "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()); print('e', file=sys.stderr)"
    )
    done = gavel("run", program(code), "--stdin", str(folder / "input"))
    assert done.returncode == 0
    assert done.stdout == b"\xff\x00 in"
    told, used = done.stderr.decode().splitlines()
    assert told == "e"
    assert used.startswith("gavel: ok; ")
    assert " s CPU, " in used
    assert " MB; fork tier, " in used


def test_run_gives_one_json_document(program: Any) -> None:
    """With --json, stdout is the document alone; bytes that are no text are base64."""
    code = "import sys; print(input(), file=sys.stderr); sys.stdout.buffer.write(b'\\xff')"
    report = report_of(program(code), "--stdin", "-", stdin="zwölf\n".encode(), exit_code=0)
    assert report["status"] == "ok"
    assert report["stdout"] == {"base64": base64.b64encode(b"\xff").decode()}
    assert report["stderr"] == "zwölf\n"
    assert (report["exit_code"], report["signal"], report["compile_output"]) == (0, None, None)
    assert 0 < report["time_s"] < 10
    assert 0 < report["wall_s"] < 32
    assert 1 << 20 < report["memory_bytes"] < 1 << 29
    assert (report["tier"], report["grade"] in ("full", "reduced")) == ("fork", True)


def test_run_gives_no_input_unless_told(program: Any) -> None:
    """Without --stdin the program reads an end, and not what the terminal has."""
    report = report_of(program("print(repr(open(0).read()))"), stdin=b"terminal", exit_code=0)
    assert report["stdout"] == "''\n"


ENDINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "time_limit": ("while True: pass", ("--time", "0.1")),
    "idle_limit": ("import time; time.sleep(60)", ("--time", "0.1")),
    "memory_limit": ("x = b'x' * (200 << 20)", ("--memory", str(32 << 20))),
    "output_limit": ("while True: print('x' * 1000)", ("--output", "5000")),
    "runtime_error": ("raise SystemExit(3)", ()),
    "compile_error": ("def f(:", ()),
}


@pytest.mark.parametrize("status", ENDINGS)
def test_run_tells_how_a_program_ended(program: Any, status: str) -> None:
    """Each way to end has its status, and exit code 1."""
    code, options = ENDINGS[status]
    report = report_of(program(code), *options)
    assert report["status"] == status
    assert (report["exit_code"] == 3) == (status == "runtime_error")
    assert (report["compile_output"] is not None) == (status == "compile_error")
    assert len(report["stdout"]) <= 5000


def test_run_compiles_what_needs_it_and_tells_the_signal(program: Any) -> None:
    """A compiled language goes through its compiler; a crash shows its signal."""
    code = '#include <stdlib.h>\n#include <stdio.h>\nint main() { puts("hi"); fflush(0); abort(); }'
    done = gavel("run", program(code, "crash.c"))
    assert done.returncode == 1
    assert done.stdout == b"hi\n"
    assert b"runtime error, signal 6" in done.stderr


def test_run_shows_the_compilers_words(program: Any) -> None:
    """What the compiler says goes to stderr."""
    done = gavel("run", program("int main( {", "broken.c"))
    assert done.returncode == 1
    assert b"main.c:1" in done.stderr
    assert b"gavel: compile error;" in done.stderr


def test_run_compiles_a_program_once(program: Any, folder: Path) -> None:
    """With a configuration file, what was compiled is kept where its worker keeps it, and used."""
    (folder / "supervisor.toml").write_text("")
    path = program('#include <stdio.h>\nint main() { puts("hi"); }', "hi.c")
    config = ("--config", str(folder / "supervisor.toml"))
    assert gavel("run", path, *config).stdout == b"hi\n"
    [kept] = (folder / "var/cache/builds").iterdir()
    os.utime(kept, (0, 0))
    assert gavel("run", path, *config).stdout == b"hi\n"
    assert [kept] == list((folder / "var/cache/builds").iterdir())
    assert kept.stat().st_mtime > 0  # using an entry sets its time


def test_run_goes_on_where_nothing_can_be_kept(program: Any, folder: Path) -> None:
    """A folder for builds that can't be made is told, and the program runs all the same."""
    config = folder / "supervisor.toml"
    config.write_text('[worker]\ncache_dir = "supervisor.toml/cache"')
    path = program('#include <stdio.h>\nint main() { puts("hi"); }', "hi.c")
    done = gavel("run", path, "--config", str(config))
    assert (done.returncode, done.stdout) == (0, b"hi\n")
    assert b"nothing is kept of what is compiled: " in done.stderr
    assert b"supervisor.toml: [worker] cache_dir: " in done.stderr


USAGE_ERRORS: dict[str, tuple[str, ...]] = {
    "unknown extension": ("{folder}/notes.txt",),
    "unknown language": ("{folder}/p.py", "--language", "algol"),
    "no such file": ("{folder}/nothing.py",),
    "no time": ("{folder}/p.py", "--time", "0"),
    "bad memory": ("{folder}/p.py", "--memory", "lots"),
    "unknown tier": ("{folder}/p.py", "--tier", "none"),
    "no input file": ("{folder}/p.py", "--stdin", "{folder}/nothing"),
}


@pytest.mark.parametrize("mistake", USAGE_ERRORS)
def test_run_refuses_wrong_usage(folder: Path, mistake: str) -> None:
    """Wrong usage is exit code 2 with words on stderr, and nothing runs."""
    (folder / "notes.txt").write_text("print(1)")
    (folder / "p.py").write_text("print(1)")
    done = gavel("run", *(arg.format(folder=folder) for arg in USAGE_ERRORS[mistake]))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr


def test_run_takes_the_language_by_name(folder: Path) -> None:
    """--language wins over the extension."""
    (folder / "notes.txt").write_text("print(6 * 7)")
    report = report_of(str(folder / "notes.txt"), "--language", "python", exit_code=0)
    assert report["stdout"] == "42\n"


def test_run_says_when_this_machine_fails(program: Any) -> None:
    """Without a sandbox nothing runs: internal_error, exit code 3, the failed step on stderr."""
    path = program("print('out of the box')")
    report = report_of(path, before=NO_SANDBOX, exit_code=3)
    assert (report["status"], report["stdout"], report["grade"]) == ("internal_error", "", None)
    done = gavel("run", path, before=NO_SANDBOX)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"this machine could not run it: " in done.stderr


def test_run_works_for_an_ordinary_user(program: Any) -> None:
    """Without any privilege programs run in the sandbox, too; they could not even be root there."""
    before = as_ordinary_user(Path(program("")).parent)
    path = program("import os; print(os.getuid() == 0, os.path.exists('/etc/shadow'))")
    report = report_of(path, before=before, exit_code=0)
    assert report["stdout"] == "False False\n"


def as_ordinary_user(folder: Path) -> tuple[str, ...]:
    """Return the command under which a program runs as `nobody` with what it needs in sight.

    A root whose interpreter lies in a closed home shows it to nobody in a mount namespace.
    """
    if os.geteuid() != 0:
        return ()
    needed = {Path(sys.base_prefix), Path(sys.prefix), ROOT, folder}
    closed = {path: gate for path in needed if (gate := first_closed(path)) is not None}
    script = ["set -e", "mount -t tmpfs -o mode=755 tmpfs /mnt"]
    for number, path in enumerate(closed):
        script += [f"mkdir /mnt/{number}", f"mount --bind '{path}' /mnt/{number}"]
    script += [f"mount -t tmpfs -o mode=755 tmpfs '{gate}'" for gate in set(closed.values())]
    for number, path in enumerate(closed):
        script += [f"mkdir -p '{path}'", f"mount --move /mnt/{number} '{path}'"]
    script += [f"cd '{ROOT}'", 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"']
    return ("unshare", "--mount", "sh", "-c", "\n".join(script), "sh")


def first_closed(path: Path) -> Path | None:
    """Return the topmost folder on the way to *path* that others may not enter."""
    for folder in (*reversed(path.parents), path):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


def test_languages_lists_all_with_versions() -> None:
    """Each language stands there with its version, or with what this machine lacks for it."""
    done = gavel("languages", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["id"]: row for row in json.loads(done.stdout)["languages"]}
    assert {"c", "cpp", "java", "javascript", "python"} <= set(rows)
    assert rows["python"]["version"] == sys.version.split()[0]
    for row in rows.values():
        assert row["offered"] == bool(row["version"]) == (row["reason"] is None)
    table = gavel("languages").stdout.decode()
    for row in rows.values():
        assert f"{row['id']} " in table
        assert (row["version"] or row["reason"]) in table


def test_languages_tests_each_in_the_sandbox() -> None:
    """With --test every language that is offered has run its hello in a box."""
    done = gavel("languages", "--test", "--json", patience_s=1200)
    assert done.returncode == 0, done.stdout
    rows = json.loads(done.stdout)["languages"]
    assert {row["error"] for row in rows if row["offered"]} == {None}


def test_languages_names_packages_only_of_what_is_missing() -> None:
    """A machine that has the tools of a language is not told to install them."""
    done = gavel("languages", "--packages")
    assert done.returncode == 0, done.stderr
    missing = set(done.stdout.decode().split())
    rows = json.loads(gavel("languages", "--json").stdout)["languages"]
    known = load_languages()
    for row in rows:
        assert row["offered"] or missing >= set(known[row["id"]].debian)
    assert "python3" not in missing
    assert gavel("languages", "--packages", "--json").returncode == 2


def test_languages_test_fails_without_a_sandbox() -> None:
    """Where nothing can be confined the test fails with exit code 3 and the step."""
    done = gavel("languages", "--test", before=NO_SANDBOX)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"this machine has no sandbox: " in done.stderr


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
async def test_run_leaves_nothing_when_it_is_ended(
    program: Any, folder: Path, number: signal.Signals, exit_code: int
) -> None:
    """Ctrl-C, or a harder end, takes the program and its whole sandbox with it."""
    path = program("int main() { for (;;); }", "endless.c")
    run = start_run(path, folder / "log")
    try:
        await eventually(lambda: run.programs() == 1)
        processes = run.descendants()
        run.process.send_signal(number)
        assert await run.ended() == exit_code
        await eventually(lambda: not still_alive(processes))
        assert (folder / "log").read_bytes() == b""
    finally:
        run.process.kill()
        await run.ended()


def start_run(path: str, log: Path) -> Worker:
    """Start `gavel run`; what it prints goes to *log*."""
    with log.open("wb") as file:
        process = subprocess.Popen([*GAVEL, "run", path], stdout=file, stderr=file, cwd=ROOT)
    return Worker(process, log)
