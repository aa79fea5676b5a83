"""The routes of what can be solved, and in which languages."""

from __future__ import annotations

from quart import Quart, Response

from daemons.api.answers import answer, route
from daemons.api.errors import not_found
from daemons.api.store import LiveWorkers
from judging.package import Catalogue
from judging.problem import Problem


class Problems:
    """Handlers of `/problems` and `/languages`."""

    def __init__(self, catalogue: Catalogue, workers: LiveWorkers) -> None:
        self._catalogue = catalogue
        self._workers = workers

    def mount(self, app: Quart) -> None:
        """Add the routes to *app*."""
        route(app, "GET", "/problems", self.list_all)
        route(app, "GET", "/problems/<problem_id>", self.show)
        route(app, "GET", "/languages", self.languages)

    async def list_all(self) -> Response:
        """Answer with the head of every problem."""
        return answer({"problems": [_head(problem) for problem in self._catalogue.values()]})

    async def show(self, problem_id: str) -> Response:
        """Answer with everything of one problem that solvers may see."""
        problem = self._catalogue.get(problem_id)
        if problem is None:
            raise not_found(f"there is no problem {problem_id[:64]!r}; all are at GET /problems")
        return answer(_whole(problem))

    async def languages(self) -> Response:
        """Answer with the languages that the living workers offer."""
        return answer({"languages": list((await self._workers.languages()).values())})


def _head(problem: Problem) -> dict[str, object]:
    return {
        "id": problem.id,
        "title": problem.title,
        "difficulty": problem.difficulty,
        "tags": problem.tags,
    }


def _whole(problem: Problem) -> dict[str, object]:
    """Return the public part of *problem*: no tests but the samples, no solutions, no paths."""
    limits = problem.limits
    return {
        **_head(problem),
        "statement": {"markdown": problem.statement_md, "html": problem.statement_html},
        "samples": problem.samples,
        "limits": {
            "time_s": limits.time_s,
            "wall_s": limits.wall_s,
            "memory_bytes": limits.memory_bytes,
            "output_bytes": limits.output_bytes,
            "processes": limits.processes,
            "code_bytes": limits.code_bytes,
        },
        "languages": problem.languages,
        "starter": dict(problem.starter),
        "version": problem.version,
    }
