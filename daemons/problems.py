"""The problems of a daemon: read at its start, and again whenever their packages change.

Theory of operation. The folders are looked at every second, by a thread: names, sizes and times of
all files, which takes a few microseconds a file; where there are very many, less often. The
kernel's notices (inotify) were not taken, since they do not come for folders on network file
systems that other machines write to, and so the looks would be needed anyway. A package that is
being written is left alone until it has not changed from one look to the next.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import structlog
import trio

from daemons.config import Config
from judging.package import (
    Catalogue,
    Loader,
    PackageError,
    Problem,
    load_problem,
    load_problems,
)

log = structlog.get_logger()

_LOOK_S = 1.0
#: A look that takes long is followed by a pause so many times as long, up to a bound: looking must
#: not cost more than some hundredths of a core.
_PAUSE_FACTOR = 50
_PAUSE_MAX_S = 10.0


class Problems:
    """What reads the packages anew while others use *catalogue*."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._alone = trio.Lock()
        #: Numbers of the last look that was begun, and of the last that came to its end.
        self._begun = self._ended = 0
        #: What the last look cost, in CPU time: a busy machine makes none longer.
        self._took_s = 0.0

    async def serve(self) -> None:
        """Follow the folders until cancelled."""
        while True:
            await self._look(settled=True)
            await trio.sleep(max(_LOOK_S, min(_PAUSE_MAX_S, _PAUSE_FACTOR * self._took_s)))

    async def find(self, problem_id: str) -> Problem | None:
        """Return a problem, None if there is none; one not known yet is looked for at once."""
        problem = self.catalogue.get(problem_id)
        if problem is None:
            await self._look(settled=False)
            problem = self.catalogue.get(problem_id)
        return problem

    def why_refused(self, problem_id: str) -> PackageError | None:
        """Return what is wrong with the package of a problem, if it is refused."""
        errors = self.catalogue.errors
        return next((errors[path] for path in errors if path.name == problem_id), None)

    async def _look(self, *, settled: bool) -> None:
        asked = self._begun
        async with self._alone:
            if not settled and self._ended > asked:
                return  # somebody has looked since
            self._begun += 1
            known, refused = dict(self.catalogue), self.catalogue.errors
            await trio.to_thread.run_sync(self._reload, settled)
            _tell_changes(known, self.catalogue)
            _tell_errors(refused, self.catalogue)
            self._ended = self._begun

    def _reload(self, settled: bool) -> None:
        began = time.thread_time()
        self.catalogue.reload(settled=settled)
        self._took_s = time.thread_time() - began


async def open_problems(config: Config, load: Loader = load_problem) -> Problems:
    """Read all packages of *config* by *load* and tell of those that are refused."""

    def load_one(path: Path) -> Problem:
        # Between two packages is a good place to stop.
        trio.from_thread.check_cancelled()
        return load(path)

    read = partial(load_problems, config.problem_dirs(), load_one)
    catalogue = await trio.to_thread.run_sync(read)
    _tell_errors({}, catalogue)
    return Problems(catalogue)


def _tell_changes(before: Mapping[str, Problem], now: Catalogue) -> None:
    for problem_id in sorted({*before, *now}):
        old, new = before.get(problem_id), now.get(problem_id)
        if new is None:
            log.warning("problem removed", problem=problem_id)
        elif old is None:
            log.info("problem added", problem=problem_id, version=new.version)
        elif new is not old:
            log.info("problem changed", problem=problem_id, version=new.version)


def _tell_errors(before: Mapping[Path, PackageError], now: Catalogue) -> None:
    for path, error in now.errors.items():
        if str(error) != str(before.get(path)):
            kept = now.get(path.name)
            version = None if kept is None or kept.path != path else kept.version
            log.error("problem refused", package=str(path), reason=str(error), kept=version)
