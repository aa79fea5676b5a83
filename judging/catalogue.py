"""All problems that there are, and those that could have been.

Theory of operation. Each package has a trace: what its files show without being read. A package is
read when its trace is another than it was read with, and what was read counts only if the trace is
still the same afterwards, so nothing is ever half old and half new. A new version takes the place
of the old one whole. One that can't be judged takes nobody's place: the old version stays, and why
the new one was refused stands beside it. Only a package that is gone takes its problem with it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from judging.errors import PackageError
from judging.files import is_hidden
from judging.problem import Problem

Loader = Callable[[Path], Problem]


@dataclass(frozen=True, slots=True)
class _Package:
    """A package as it was found so far.

    Attributes:
        seen: its trace at the last look.
        read: its trace when it was last read, "" before that.
        problem: the last version that could be judged.
        error: why what lies there now can't be judged.
    """

    seen: str = ""
    read: str = ""
    problem: Problem | None = None
    error: PackageError | None = None

    def is_due(self, trace: str, *, settled: bool) -> bool:
        """Tell whether it has to be read, now that it looks like *trace*."""
        if settled and trace != self.seen:
            return False  # somebody is still at it
        # What the machine refused, unlike what the package says, may be otherwise the next time.
        host = self.error is not None and isinstance(self.error.__cause__, OSError)
        return trace != self.read or host


class Catalogue(Mapping[str, Problem]):
    """Problems by id, in the order of their ids.

    A problem that was handed out stays as it was when the package changes; whoever asks again after
    `reload` gets the new one. To a test's files this applies as `Problem.content` says.

    Attributes:
        errors: why packages were refused, by the path of the package. Of such a package the last
            version that was right is there still.
    """

    def __init__(self, directories: Sequence[Path], load: Loader) -> None:
        self.errors: Mapping[Path, PackageError] = {}
        self._directories = tuple(directories)
        self._load = load
        self._problems: Mapping[str, Problem] = {}
        self._packages: Mapping[Path, _Package] = {}

    def __getitem__(self, problem_id: str) -> Problem:
        return self._problems[problem_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._problems)

    def __len__(self) -> int:
        return len(self._problems)

    def reload(self, *, settled: bool = False) -> tuple[str, ...]:
        """Read what is new or has changed, forget what went away; return the ids concerned.

        The new state is put in place at once, so readers on other threads see the old or the new
        one. Two calls must not run at the same time.

        Args:
            settled: pass over packages that have changed since the last call: somebody may be at
                work on them, or a copy may be under way.
        """
        problems: dict[str, Problem] = {}
        errors: dict[Path, PackageError] = {}
        packages: dict[Path, _Package] = {}
        for path in self._paths(errors):
            packages[path] = package = self._look(path, settled=settled)
            if package.error is not None:
                errors[path] = package.error
            if package.problem is None:
                continue
            other = problems.setdefault(package.problem.id, package.problem)
            if other is not package.problem:
                errors[path] = PackageError(path, f"{other.path} is a problem of this name, too")
        changed = [
            problem_id
            for problem_id in sorted({*problems, *self._problems})
            if problems.get(problem_id) is not self._problems.get(problem_id)
        ]
        self._problems, self.errors = dict(sorted(problems.items())), errors
        self._packages = packages
        return tuple(changed)

    def _paths(self, errors: dict[Path, PackageError]) -> Iterator[Path]:
        """Yield the directories that ought to be packages; note in *errors* what can't be read."""
        for directory in self._directories:
            try:
                entries = sorted(directory.iterdir())
            except OSError as exc:
                errors[directory] = PackageError(directory, exc.strerror or str(exc))
                # It may be away for a moment only: what was in it stays.
                entries = [path for path in self._packages if path.parent == directory]
                yield from entries
                continue
            for path in entries:
                if path.is_dir() and not path.name.startswith((".", "_")):
                    yield path

    def _look(self, path: Path, *, settled: bool) -> _Package:
        """Return the package at *path* as it is now, read if it has to be."""
        package = self._packages.get(path, _Package())
        trace = _trace(path)
        seen = replace(package, seen=trace)
        if not path.is_dir() or not package.is_due(trace, settled=settled):
            return seen
        try:
            problem = self._load(path)
        except PackageError as exc:
            if _trace(path) == trace:
                return replace(seen, read=trace, error=exc)
        else:
            if _trace(path) == trace:
                old = package.problem
                same = old is not None and old.version == problem.version
                return _Package(trace, trace, old if same else problem)
        if package.read:
            return seen
        return replace(seen, error=PackageError(path, "changed while it was read"))


def open_catalogue(directories: Sequence[Path], load: Loader) -> Catalogue:
    """Return the catalogue of all packages directly in *directories*, read with *load*."""
    catalogue = Catalogue(directories, load)
    catalogue.reload()
    return catalogue


def _trace(package: Path) -> str:
    """Return what changes when a file of *package* does.

    The time of a file's last change, unlike that of its content, nobody can set: it tells of copies
    that keep the times, and of a file put in the place of another.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path, about in _walk(str(package)):
        digest.update(
            f"{path}\0{about.st_ino} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}\n"
            .encode(errors="surrogateescape")
        )  # fmt: skip
    return digest.hexdigest()


def _walk(directory: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every file below *directory* that counts, by name."""
    try:
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return  # gone meanwhile; loading says what that means
    for entry in entries:
        if is_hidden(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
            continue
        try:
            yield entry.path, entry.stat()
        except OSError:
            continue  # a dangling link, or gone meanwhile
