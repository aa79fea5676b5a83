"""All problems that there are, and those that could have been."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from judging.errors import PackageError
from judging.problem import Problem

Loader = Callable[[Path], Problem]
#: Names, sizes and times of a package's files: what shows without reading them that one changed.
_Trace = tuple[tuple[str, int, int], ...]


class Catalogue(Mapping[str, Problem]):
    """Problems by id, in the order of their ids.

    A problem that was handed out stays as it was when the package changes; whoever asks again after
    `reload` gets the new one. (The tests are files: what an editor does to them shows at once, so
    replace a package as a whole rather than edit it in place while it is judged.)

    Attributes:
        errors: why packages were refused, by the path of the package.
    """

    def __init__(self, directories: Sequence[Path], load: Loader) -> None:
        self.errors: Mapping[Path, PackageError] = {}
        self._directories = tuple(directories)
        self._load = load
        self._problems: Mapping[str, Problem] = {}
        self._traces: Mapping[Path, _Trace] = {}

    def __getitem__(self, problem_id: str) -> Problem:
        return self._problems[problem_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._problems)

    def __len__(self) -> int:
        return len(self._problems)

    def reload(self) -> tuple[str, ...]:
        """Read what is new or has changed, forget what went away; return the ids concerned.

        A package that is broken now is taken out, since its tests may be half changed already. The
        new state is put in place at once, so readers on other threads see the old or the new one.
        """
        problems: dict[str, Problem] = {}
        errors: dict[Path, PackageError] = {}
        traces: dict[Path, _Trace] = {}
        loaded = {problem.path: problem for problem in self._problems.values()}
        for path in self._packages(errors):
            traces[path] = trace = _trace(path)
            try:
                problem = loaded.get(path)
                if problem is None or trace != self._traces.get(path):
                    problem = self._load(path)
            except PackageError as exc:
                errors[path] = exc
                continue
            other = problems.setdefault(problem.id, problem)
            if other is not problem:
                errors[path] = PackageError(path, f"{other.path} is a problem of this name, too")
        changed = [
            problem_id
            for problem_id in sorted({*problems, *self._problems})
            if problems.get(problem_id) is not self._problems.get(problem_id)
        ]
        self._problems, self.errors, self._traces = dict(sorted(problems.items())), errors, traces
        return tuple(changed)

    def _packages(self, errors: dict[Path, PackageError]) -> Iterator[Path]:
        """Yield the directories that ought to be packages; note in *errors* what can't be read."""
        for directory in self._directories:
            try:
                entries = sorted(directory.iterdir())
            except OSError as exc:
                errors[directory] = PackageError(directory, exc.strerror or str(exc))
                continue
            for path in entries:
                if path.is_dir() and not path.name.startswith((".", "_")):
                    yield path


def open_catalogue(directories: Sequence[Path], load: Loader) -> Catalogue:
    """Return the catalogue of all packages directly in *directories*, read with *load*."""
    catalogue = Catalogue(directories, load)
    catalogue.reload()
    return catalogue


def _trace(package: Path) -> _Trace:
    """Return what changes when a file of *package* does."""
    trace = []
    for path in sorted(package.rglob("*")):
        try:
            status = path.stat()
        except OSError:
            continue  # a dangling link, or gone meanwhile; loading says what that means
        trace.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(trace)
