"""Programs of a package that build and run themselves, by scripts named `build` and `run`.

Source: problem package format, "Programs". Both run in a box like all else, with the tools that
this machine shows to submissions.
"""

from __future__ import annotations

from contextlib import ExitStack

from daemons.worker.compiling import CompileFailure
from daemons.worker.programs import ENV, Program, Sources
from daemons.worker.toolchains import Toolchain
from judging.languages import CompileLimits, Language
from judging.programs import BUILD, RUN
from sandbox import Blob, Box, Job, Limits, RunStatus

_LIMITS = CompileLimits(
    time_s=60.0, wall_s=180.0, memory_bytes=2 << 30, output_bytes=1 << 16, processes=64
)
_BOX_BYTES = 256 << 20
_FILE_BYTES = 64 << 20

_LANGUAGE = Language(
    id="scripts",
    name="Scripts",
    extensions=(".sh",),
    source=RUN,
    programs={},
    version=(),
    run=(f"/box/{RUN}",),
    compile_limits=_LIMITS,
    hello="",
    processes=64,
)


async def build_by_script(box: Box, sources: Sources) -> Program | CompileFailure:
    """Return the program that the scripts in *sources* make of them in *box*.

    Raises:
        SandboxError: this host failed, never the scripts.
    """
    toolchain = Toolchain(_LANGUAGE, {}, "", "")
    with ExitStack() as stack:
        files: dict[str, bytes | Blob] = dict(sources.files)
        for name in {BUILD, RUN}.intersection(files):
            files[name] = stack.enter_context(Blob.from_bytes(sources.files[name], True))
        if BUILD not in files:
            made = Blob.from_bytes(sources.files[RUN], True)
            return Program(toolchain, sources, {RUN: made}, 0.0)
        result = await box.run(
            Job(
                argv=(f"/box/{BUILD}",),
                env=ENV,
                files=files,
                collect=("*",),
                limits=Limits(
                    time_s=_LIMITS.time_s,
                    wall_s=_LIMITS.wall_s,
                    memory_bytes=_LIMITS.memory_bytes,
                    output_bytes=_LIMITS.output_bytes,
                    processes=_LIMITS.processes,
                    box_bytes=_BOX_BYTES,
                    file_bytes=_FILE_BYTES,
                ),
            )
        )
    if result.status is RunStatus.OK and RUN in result.files:
        return Program(toolchain, sources, result.files, result.time_s)
    for blob in result.files.values():
        blob.close()
    final = result.exit_code is not None and result.status in (
        RunStatus.OK,
        RunStatus.RUNTIME_ERROR,
    )
    missing = f"{BUILD} made no file {RUN}\n".encode() if result.status is RunStatus.OK else b""
    return CompileFailure(result.stdout + result.stderr + missing, result.time_s, final)
