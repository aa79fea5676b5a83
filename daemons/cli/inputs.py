"""Run a package's input validators over the inputs of its tests, in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import trio

from daemons.worker.compiling import Build
from daemons.worker.programs import Program
from daemons.worker.toolchains import Toolchain
from daemons.worker.validators import build_package_program, close_all
from judging.checkers.custom import ValidatorFault
from judging.inputs import VALID, arguments_for, invalid_inputs, read_input_validators
from judging.languages import load_languages
from judging.package import PackageError, Problem
from judging.problem import wall_for
from judging.programs import PackageProgram
from sandbox import Box, Limits, Result, RunStatus

#: Generous: they run once, and nobody waits for a verdict.
_TIME_S = 60.0
_LIMITS = Limits(
    time_s=_TIME_S,
    wall_s=wall_for(_TIME_S),
    memory_bytes=2 << 30,
    output_bytes=1 << 20,
    processes=64,
)
_SHOWN_CHARS = 200


_Programs = Sequence[tuple[PackageProgram, Program]]


class InputsNotCheckedError(Exception):
    """The validators can't be run here; the text says why."""


async def check_inputs(
    box: Box, problem: Problem, toolchains: Mapping[str, Toolchain], build: Build
) -> tuple[str, ...]:
    """Return what is wrong with the inputs of *problem*, a line for each that is.

    Raises:
        InputsNotCheckedError: there are no validators, or this machine lacks their language.
        SandboxError: this host failed.
    """
    try:
        sources = read_input_validators(problem.path, load_languages(), problem.constants)
    except (PackageError, OSError) as exc:
        raise InputsNotCheckedError(str(exc)) from exc
    if not sources:
        raise InputsNotCheckedError("there are no input validators")
    for source in sources:
        if source.language is not None and source.language not in toolchains:
            raise InputsNotCheckedError(f"no tools for {source.language} here")
    with ExitStack() as stack:
        programs = []
        for source in sources:
            try:
                program = await build_package_program(box, source, toolchains, build)
            except ValidatorFault as exc:
                return (f"{source.path.name}: {exc}",)
            programs.append((source, stack.enter_context(program)))
        return (
            *await _refused(box, problem, programs),
            *await _passed(box, problem, programs),
        )


async def _refused(box: Box, problem: Problem, programs: _Programs) -> list[str]:
    """Return which tests some program refuses, and why."""
    lines = []
    for test in problem.tests:
        for source, program in programs:
            arguments = arguments_for(source, test.input_arguments)
            reason = await _ask(box, program, test.input, arguments)
            if reason is not None:
                lines.append(f"data/{test.name}.in: {source.path.name}: {reason}")
    return lines


async def _passed(box: Box, problem: Problem, programs: _Programs) -> list[str]:
    """Return which invalid inputs no program refuses."""
    lines = []
    # They are in no group of tests; what holds for the first is most often what holds for all.
    given = problem.tests[0].input_arguments
    for file in invalid_inputs(problem.path):
        for source, program in programs:
            if await _ask(box, program, file, arguments_for(source, given)) is not None:
                break
        else:
            name = file.relative_to(problem.path)
            lines.append(f"{name}: no input validator refuses it")
    return lines


async def _ask(box: Box, program: Program, file: Path, arguments: tuple[str, ...]) -> str | None:
    """Return why *program* refuses the input in *file*; None if it does not."""
    text = await trio.to_thread.run_sync(file.read_bytes)
    result = await program.run(box, stdin=text, limits=_LIMITS, args=arguments)
    close_all(result)
    if result.status is RunStatus.RUNTIME_ERROR and result.exit_code == VALID:
        return None
    return _explain(result)


def _explain(result: Result) -> str:
    if result.exit_code is not None:
        reason = f"exit code {result.exit_code}, and not {VALID}"
    elif result.status is RunStatus.RUNTIME_ERROR:
        reason = f"killed by signal {result.signal}"
    else:
        reason = result.status.value.replace("_", " ")
    said = (result.stderr or result.stdout).decode(errors="replace").strip()
    return f"{reason}: {said[-_SHOWN_CHARS:]}" if said else reason
