"""Before a worker serves, and after a run failed: does the box run a program, and keep it in?"""

from __future__ import annotations

import structlog
import trio

from daemons.worker.compiling import CompileFailure, compile_program
from daemons.worker.programs import Sources
from daemons.worker.toolchains import Toolchain
from sandbox import Box, Limits, Sandbox, SandboxError

log = structlog.get_logger()

#: Between two tries of a box that failed.
_PAUSE_FIRST_S = 0.2
_PAUSE_MAX_S = 10.0
_EXPECTED = b"Hello, Gavel!\n"
_LIMITS = Limits(time_s=5.0, wall_s=20.0, memory_bytes=256 << 20, output_bytes=4096)


async def test_boxes(sandbox: Sandbox, toolchains: dict[str, Toolchain]) -> None:
    """Run the quickest language's `hello` in every box at once.

    Raises:
        SandboxError: a box did not run it.
    """
    toolchain = _quickest(toolchains)
    async with trio.open_nursery() as nursery:
        for box in sandbox.boxes:
            nursery.start_soon(_hello, box, toolchain)


def _quickest(toolchains: dict[str, Toolchain]) -> Toolchain:
    return toolchains.get("python") or next(iter(toolchains.values()))


async def wait_mended(box: Box, toolchains: dict[str, Toolchain]) -> None:
    """Return once the quickest language's `hello` runs in *box*."""
    pause_s = _PAUSE_FIRST_S
    while True:
        try:
            failure = await say_hello(box, _quickest(toolchains))
        except (SandboxError, OSError) as exc:
            failure = str(exc)
        if failure is None:
            return
        log.error("box out of service", box=box.id, reason=failure)
        await trio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_MAX_S)


# pytest would take it for a test of its own.
test_boxes.__test__ = False  # type: ignore[attr-defined]


async def _hello(box: Box, toolchain: Toolchain) -> None:
    failure = await say_hello(box, toolchain)
    if failure is not None:
        raise SandboxError("self-test", detail=f"box {box.id}, {toolchain.language.id}: {failure}")


async def say_hello(box: Box, toolchain: Toolchain) -> str | None:
    """Compile and run a language's `hello` in *box*; return what went wrong, or None."""
    language = toolchain.language
    name = language.source_name(language.hello)
    sources = Sources({name: language.hello.encode()}, name)
    program = await compile_program(box, toolchain, sources)
    if isinstance(program, CompileFailure):
        return program.output.decode(errors="replace")
    with program:
        result = await program.run(box, stdin=b"", limits=_LIMITS)
    if result.stdout != _EXPECTED:
        return f"{result.status.value}, printed {result.stdout!r}, {result.stderr!r}"
    return None
