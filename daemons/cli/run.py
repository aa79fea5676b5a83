"""`gavel run`: one program, once, in this machine's sandbox; no daemons, no problem, no store.

The same languages, compilation and confinement as the worker's, so what runs here runs there.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import BinaryIO

import click
import msgspec
import trio

from daemons.cli.boxes import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    NotOfferedError,
    find_toolchain,
    note,
    open_local_builds,
    quiet_logs,
)
from daemons.cli.options import optional_config_option
from daemons.config import Config
from daemons.config import Limits as RunDefaults
from daemons.worker.builds import Builds
from daemons.worker.compiling import CompileFailure, find_compile_error
from daemons.worker.prepare import use_prepared
from daemons.worker.programs import Sources, open_boxes
from daemons.worker.toolchains import Toolchain
from judging.languages import Language, language_of, load_languages
from judging.problem import wall_for
from protocol import codec
from protocol.messages import Text
from sandbox import Grade, Limits, Result, RunStatus, Sandbox, SandboxError, Tier

_DEFAULTS = RunDefaults()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    status: str
    stdout: Text = ""
    stderr: Text = ""
    exit_code: int | None = None
    signal: int | None = None
    time_s: float = 0.0
    wall_s: float = 0.0
    memory_bytes: int = 0
    compile_output: Text | None = None
    tier: str = "exec"
    grade: str | None = None


class LanguageId(click.ParamType[Language]):
    """An id that becomes the `Language`."""

    name = "L"

    def convert(
        self,
        value: str | Language,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Language:
        """Look the id up."""
        if isinstance(value, Language):
            return value
        languages = load_languages()
        if value not in languages:
            self.fail(f"unknown language {value!r}; known are {', '.join(languages)}", param, ctx)
        return languages[value]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--stdin", type=click.File("rb"), help="What the program reads; - for your own. Else nothing."
)
@click.option("--language", type=LanguageId(), help="Its language; else FILE's extension tells.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--time",
    "time_s",
    type=click.FloatRange(min=0, min_open=True),
    default=_DEFAULTS.run_time_s,
    show_default=True,
    metavar="S",
    help="CPU seconds of all its processes; it may take thrice that on the clock, and 2 s.",
)
@click.option(
    "--memory",
    "memory_bytes",
    type=click.IntRange(min=1),
    default=_DEFAULTS.run_memory_bytes,
    show_default=True,
    metavar="BYTES",
    help="Memory of all its processes together.",
)
@click.option(
    "--output",
    "output_bytes",
    type=click.IntRange(min=0),
    default=_DEFAULTS.run_output_bytes,
    show_default=True,
    metavar="BYTES",
    help="What it may print.",
)
@click.option(
    "--tier",
    type=click.Choice(["fork", "exec"]),
    default="fork",
    show_default=True,
    help="How it is started: anew, or where that is possible by a fork of a started interpreter.",
)
@optional_config_option
def run(
    file: Path,
    stdin: BinaryIO | None,
    language: Language | None,
    *,
    as_json: bool,
    time_s: float,
    memory_bytes: int,
    output_bytes: int,
    tier: Tier,
    config: Config | None,
) -> None:
    """Run the program in FILE once in the sandbox and show what it prints and uses.

    Its output goes to stdout; the line about what it used goes to stderr. With a configuration
    file, what is compiled is kept in its `[worker] cache_dir`.

    Exit code: 0 it ended by itself with exit code 0, 1 anything else, 2 wrong usage, 3 this machine
    could not run it.
    """
    quiet_logs("run")
    known = language or language_of(file.name)
    if known is None:
        raise click.UsageError(f"{file.name}: unknown extension; name the language with --language")
    code = file.read_bytes()
    name = known.source_name(code.decode("utf-8", "surrogateescape"))
    limits = Limits(
        time_s=time_s,
        wall_s=wall_for(time_s),
        memory_bytes=memory_bytes,
        output_bytes=output_bytes,
        processes=_DEFAULTS.run_processes,
    )
    given = stdin.read() if stdin is not None else b""
    try:
        report = trio.run(_run, config, known, Sources({name: code}, name), given, limits, tier)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except (SandboxError, NotOfferedError) as exc:
        report = Report(status="internal_error")
        note(f"this machine could not run it: {exc}")
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(codec.encode(report), indent=2) + b"\n")
    else:
        _print(report)
    sys.exit({"ok": 0, "internal_error": EXIT_INTERNAL}.get(report.status, 1))


async def _run(
    config: Config | None,
    language: Language,
    sources: Sources,
    stdin: bytes,
    limits: Limits,
    tier: Tier,
) -> Report:
    toolchain = await find_toolchain(language)
    builds = await open_local_builds(config if language.is_compiled else None)
    async with open_boxes([toolchain], slots=1, grade=Grade.REDUCED) as sandbox:
        await use_prepared(toolchain, builds, sandbox.show)
        return await _run_in(sandbox, builds, toolchain, sources, stdin, limits, tier)


async def _run_in(
    sandbox: Sandbox,
    builds: Builds,
    toolchain: Toolchain,
    sources: Sources,
    stdin: bytes,
    limits: Limits,
    tier: Tier,
) -> Report:
    box = sandbox.boxes[0]
    grade = sandbox.grade.value
    program = await builds.compile(box, toolchain, sources)
    if isinstance(program, CompileFailure):
        return _refused(program, grade)
    with program:
        result = await program.run(box, stdin=stdin, limits=limits, tier=tier)
        status = program.status_of(result)
        if status is RunStatus.RUNTIME_ERROR:
            failure = await find_compile_error(box, program)
            if failure is not None:
                return _refused(failure, grade)
        return _report(result, status)


def _refused(failure: CompileFailure, grade: str) -> Report:
    output = codec.text(failure.output)
    return Report(status="compile_error", compile_output=output, grade=grade)


def _report(result: Result, status: RunStatus) -> Report:
    return Report(
        status=status.value,
        stdout=codec.text(result.stdout),
        stderr=codec.text(result.stderr),
        exit_code=result.exit_code,
        signal=result.signal,
        time_s=round(result.time_s, 6),
        wall_s=round(result.wall_s, 6),
        memory_bytes=result.memory_bytes,
        tier=result.tier,
        grade=result.grade.value,
    )


def _bytes_of(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else base64.b64decode(text.base64)


def _print(report: Report) -> None:
    """Print what the program printed, byte for byte, and a line of what it used."""
    for stream, text in (
        (sys.stdout, report.stdout),
        (sys.stderr, report.stderr),
        (sys.stderr, report.compile_output or ""),
    ):
        stream.buffer.write(_bytes_of(text))
        stream.flush()
    if report.grade is None:
        return
    ending = report.status.replace("_", " ")
    if report.signal is not None:
        ending += f", signal {report.signal}"
    elif report.exit_code:
        ending += f", exit code {report.exit_code}"
    used = f"{report.time_s:.3f} s CPU, {report.wall_s:.3f} s, {report.memory_bytes / 1e6:.1f} MB"
    note(f"{ending}; {used}; {report.tier} tier, {report.grade} grade")
