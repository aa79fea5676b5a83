"""Builds kept by content, so that a program that is known is not compiled again.

Theory of operation. The key of a build is a digest of all that the compiler was given: sources with
their names, the command, environment, limits, and which build of which compiler it was; never a
path. So whoever sends the same gets the same, and nobody can put anything in another's place. Kept
is what a run needs, or the compiler's refusal where it spoke of the program; whatever ended by a
limit, a signal or a want of this host is tried anew the next time.

Of equal submissions that come at the same time, one compiles and the others wait for it. If it is
cancelled or fails, the next in line compiles, in its own box.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import trio

from daemons.worker.compiling import CompileFailure, compile_job, compile_program
from daemons.worker.programs import Program, Sources
from daemons.worker.shelf import Shelf
from daemons.worker.toolchains import Toolchain
from sandbox import Blob, Box

#: Part of every key: another number lets go of everything that was kept.
_FORMAT = 1


class _Artefact(msgspec.Struct, frozen=True, array_like=True):
    name: bytes
    executable: bool
    content: bytes


class _Build(msgspec.Struct, frozen=True, array_like=True):
    """What is kept: artefacts, or what the compiler said when it refused."""

    refusal: bytes | None
    artefacts: tuple[_Artefact, ...] = ()


_decode = msgspec.msgpack.Decoder(_Build).decode


class Builds:
    """Compiles in a box what is not known yet.

    *shelf* is where builds are kept, if anywhere; *prepared_folder* where that is which compilers
    are given ahead.
    """

    def __init__(self, shelf: Shelf | None = None, prepared_folder: Path | None = None) -> None:
        self.prepared_folder = prepared_folder
        self._shelf = shelf
        self._compiling: dict[str, trio.Lock] = {}
        self._prepared: dict[str, Path] = {}

    def use(self, language_id: str, prepared: Path) -> None:
        """Compile the language from now on with what was prepared in this folder."""
        self._prepared[language_id] = prepared

    async def compile(
        self, box: Box, toolchain: Toolchain, sources: Sources
    ) -> Program | CompileFailure:
        """Return the program that *sources* make, from the shelf or by compiling them in *box*.

        One that comes from the shelf took no time to compile.

        Raises:
            SandboxError: this host failed, never the program.
        """
        prepared = self._prepared.get(toolchain.language.id)
        if self._shelf is None or not toolchain.language.is_compiled:
            return await compile_program(box, toolchain, sources, prepared)
        key = build_key(toolchain, sources)
        async with self._alone(key):
            known = await self._load(self._shelf, key, toolchain, sources)
            if known is not None:
                return known
            built = await compile_program(box, toolchain, sources, prepared)
            with ExitStack() as unused:
                unused.enter_context(_owned(built))
                await trio.to_thread.run_sync(partial(_keep, self._shelf, key, built))
                unused.pop_all()
            return built

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """Let one task at a time deal with *key*."""
        lock = self._compiling.setdefault(key, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            about = lock.statistics()
            if not about.locked and not about.tasks_waiting:
                self._compiling.pop(key, None)

    async def _load(
        self, shelf: Shelf, key: str, toolchain: Toolchain, sources: Sources
    ) -> Program | CompileFailure | None:
        content = await trio.to_thread.run_sync(shelf.load, key)
        if content is None:
            return None
        build = _decode(content)
        if build.refusal is not None:
            return CompileFailure(build.refusal, 0.0, final=True)
        artefacts = {
            os.fsdecode(kept.name): Blob.from_bytes(kept.content, kept.executable)
            for kept in build.artefacts
        }
        return Program(toolchain, sources, artefacts, 0.0)


def build_key(toolchain: Toolchain, sources: Sources) -> str:
    """Return the digest of all that decides what a compilation comes to."""
    # The tools by name: which ones they are stands in the identity, where they lie is no matter.
    named = {name: name for name in toolchain.tools}
    job = compile_job(replace(toolchain, tools=named), sources)
    files = list(job.files.items())
    given = (_FORMAT, toolchain.identity, job.argv, job.env, job.limits, job.collect, files)
    return hashlib.sha256(msgspec.msgpack.encode(given)).hexdigest()


def _owned(built: Program | CompileFailure) -> AbstractContextManager[object]:
    return built if isinstance(built, Program) else nullcontext()


def _keep(shelf: Shelf, key: str, built: Program | CompileFailure) -> None:
    if isinstance(built, Program):
        artefacts = tuple(
            _Artefact(os.fsencode(name), blob.executable, blob.read())
            for name, blob in built.artefacts.items()
        )
        shelf.keep(key, msgspec.msgpack.encode(_Build(None, artefacts)))
    elif built.final:
        shelf.keep(key, msgspec.msgpack.encode(_Build(built.output)))
