"""What compilers are given ahead of time: precompiled headers, their own classes loaded.

Theory of operation. Each preparation is built once per build of its compiler, in a sandbox of its
own; by a worker in the background and at the lowest priority, so that it takes no slot from
anybody. It lies in a folder that boxes show, read-only, once it is there whole; compilations are
told of it then, and do without it until then. Nothing in that folder changes afterwards, for it is
a layer of the boxes' file systems. A folder's name says which compiler it is for, so another
compiler gets another folder, and the old one goes. What is found is checked against its digest
once, at start.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import structlog
import trio

from daemons.config import Config
from daemons.worker.builds import Builds
from daemons.worker.programs import ENV
from daemons.worker.shelf import Shelf
from daemons.worker.toolchains import Toolchain, image_of
from judging.languages.language import Preparation
from sandbox import Blob, Grade, Job, Limits, Result, RunStatus, SandboxError, open_sandbox

log = structlog.get_logger()

_DIGEST = "sha256"
_CHUNK_BYTES = 1 << 20
#: How often a worker looks whether another one, which is just building, has finished.
_LOOK_S = 0.5
#: Priority of what nobody waits for: beside busy slots it gets next to nothing of their cores.
_LOWEST = 19
#: A precompiled header of g++ 12 has 124 MB, takes 3 s and 260 MB to build; a slow, busy machine
#: needs more.
_LIMITS = Limits(
    time_s=120.0,
    wall_s=600.0,
    memory_bytes=2 << 30,
    output_bytes=1 << 20,
    processes=64,
    file_bytes=1 << 30,
    box_bytes=1 << 30,
    stack_bytes=64 << 20,
)


def open_prepared_folder(cache: Path) -> Path:
    """Make the folder of all preparations and return it.

    Raises:
        OSError: it can't be made.
    """
    folder = cache / "prepared"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return folder


async def open_builds(config: Config) -> Builds:
    """Return what compiles, with what *config* wants kept and prepared.

    Raises:
        ConfigError: the folder for that can't be made or written.
    """
    settings = config.worker
    folder = config.path(settings.cache_dir)
    shelf, prepared = None, None
    try:
        if settings.cache_bytes:
            shelf = await trio.to_thread.run_sync(Shelf, folder / "builds", settings.cache_bytes)
        if settings.prepare:
            prepared = open_prepared_folder(folder)
    except OSError as exc:
        raise config.unwritable("[worker] cache_dir", folder, exc) from exc
    return Builds(shelf, prepared)


async def prepare_all(
    toolchains: Iterable[Toolchain],
    builds: Builds,
    show: Callable[[Path], None],
    *,
    niceness: int = _LOWEST,
) -> None:
    """Build what is missing in its folder, one after the other; *show* each, let *builds* use it.

    What can't be built is logged; compilations then go on without it. *niceness* is 0 where
    somebody waits for it.
    """
    folder = builds.prepared_folder
    if folder is None:
        return
    for toolchain in toolchains:
        preparation = toolchain.language.prepared
        if preparation is None:
            continue
        try:
            place = await _prepare(toolchain, preparation, folder, niceness)
            show(place)
        except (SandboxError, OSError) as exc:
            log.warning("not prepared", language=toolchain.language.id, reason=str(exc))
        else:
            builds.use(toolchain.language.id, place)
            log.info("prepared", language=toolchain.language.id, path=str(place))


async def use_prepared(toolchain: Toolchain, builds: Builds, show: Callable[[Path], None]) -> None:
    """Let *builds* use what somebody has prepared before, if there is anything; build nothing."""
    folder, preparation = builds.prepared_folder, toolchain.language.prepared
    if folder is None or preparation is None:
        return
    place = _place(toolchain, preparation, folder)
    if await trio.to_thread.run_sync(_is_whole, place, preparation.place):
        with suppress(OSError):  # just being removed
            show(place)
            builds.use(toolchain.language.id, place)


def _place(toolchain: Toolchain, preparation: Preparation, folder: Path) -> Path:
    # All of a preparation is strings, whose repr tells them apart.
    digest = hashlib.sha256(f"{toolchain.identity} {preparation!r}".encode())
    return folder / f"{toolchain.language.id}-{digest.hexdigest()[:32]}"


async def _prepare(
    toolchain: Toolchain, preparation: Preparation, folder: Path, niceness: int
) -> Path:
    place = _place(toolchain, preparation, folder)
    async with _alone(folder.parent / "prepared.lock"):
        if not await trio.to_thread.run_sync(_is_whole, place, preparation.place):
            log.info("preparing", language=toolchain.language.id)
            result = await _build(toolchain, preparation, niceness)
            artefact = result.files[preparation.artefact]
            with artefact:
                await trio.to_thread.run_sync(_store, artefact, place, preparation.place)
        await trio.to_thread.run_sync(_remove_others, place, toolchain.language.id)
    return place


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Let one worker of this machine prepare at a time; the others then find it done."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_lock(lock):  # noqa: ASYNC110 - the kernel tells nobody
            await trio.sleep(_LOOK_S)
        yield
    finally:
        os.close(lock)


@contextmanager
def _removing(folder: Path) -> Iterator[None]:
    """Lock out who would show *folder*; raises OSError while somebody does."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _build(toolchain: Toolchain, preparation: Preparation, niceness: int) -> Result:
    """Run the command in a sandbox of its own; raises SandboxError when nothing comes of it."""
    files = tuple(preparation.files)
    language = toolchain.language
    command = language.command(
        preparation.command, tools=toolchain.tools, files=files, entry=files[0]
    )
    nice = shutil.which("nice", path=ENV["PATH"])
    job = Job(
        argv=(*([nice, "-n", str(niceness)] if nice else []), *command),
        env={**ENV, **language.env},
        files={name: text.encode() for name, text in preparation.files.items()},
        collect=(preparation.artefact,),
        limits=_LIMITS,
    )
    image = image_of([toolchain])
    async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
        result = await sandbox.boxes[0].run(job)
    if result.status is not RunStatus.OK or not result.files:
        for blob in result.files.values():
            blob.close()
        output = (result.stdout + result.stderr).decode(errors="replace")
        raise SandboxError("prepare", detail=f"{result.status.value}: {output[-500:]}")
    return result


def _store(artefact: Blob, place: Path, name: str) -> None:
    """Put *artefact* below *place*, which appears whole or not at all."""
    temporary = place.with_name(f"{place.name}.{secrets.token_hex(4)}.new")
    target = temporary / name
    try:
        target.parent.mkdir(parents=True)
        digest = hashlib.sha256()
        with target.open("xb") as file:
            for offset in range(0, artefact.size, _CHUNK_BYTES):
                chunk = os.pread(artefact.fd, _CHUNK_BYTES, offset)
                digest.update(chunk)
                file.write(chunk)
        (temporary / _DIGEST).write_text(digest.hexdigest())
        for path in (target, temporary / _DIGEST):
            path.chmod(0o444)
        for path in (target.parent, temporary):
            path.chmod(0o755)
        if place.exists():
            shutil.rmtree(place)  # it was not whole
        temporary.rename(place)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _is_whole(place: Path, name: str) -> bool:
    """Tell whether what lies at *place* is what was put there."""
    digest = hashlib.sha256()
    try:
        wanted = (place / _DIGEST).read_text()
        with (place / name).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as exc:
        if exc.errno != errno.ENOENT:
            log.warning("what was prepared is not readable", path=str(place), reason=str(exc))
        return False
    return digest.hexdigest() == wanted


def _remove_others(place: Path, language_id: str) -> None:
    """Remove what was prepared for other compilers, and what a killed worker left half-done.

    What another worker's boxes still show stays, until the next who prepares or finds something.
    """
    for other in place.parent.glob(f"{language_id}-*"):
        if other != place:
            with suppress(OSError), _removing(other):
                shutil.rmtree(other)
