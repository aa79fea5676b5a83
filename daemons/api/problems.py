"""The routes of what can be solved, and in which languages."""

from __future__ import annotations

import hashlib

from quart import Response, request

from daemons.api.answers import answer
from daemons.api.documents import LanguageList, ProblemHead, ProblemList, ProblemPage, head_of
from daemons.api.errors import not_found
from daemons.api.routes import Answer, Route
from daemons.api.store import LiveWorkers
from judging.package import Catalogue

_ETAG = {"ETag": "Names this version; send it back in `If-None-Match`."}
_UNCHANGED = Answer(description="It is as `If-None-Match` says.", headers=_ETAG)


class Problems:
    """Handlers of `/problems` and `/languages`."""

    def __init__(self, catalogue: Catalogue, workers: LiveWorkers) -> None:
        self._catalogue = catalogue
        self._workers = workers

    def routes(self) -> list[Route]:
        """Return the routes."""
        listed = Answer(description="All problems.", type=ProblemList, headers=_ETAG)
        shown = Answer(description="The problem.", type=ProblemPage, headers=_ETAG)
        offered = Answer(description="The languages.", type=LanguageList)
        return [
            Route(method="GET", path="/problems", handler=self.list_all,
                  summary="All problems.", answers={200: listed, 304: _UNCHANGED}),
            Route(method="GET", path="/problems/<problem_id>", handler=self.show,
                  summary="One problem with statement, samples and starter code.",
                  answers={200: shown, 304: _UNCHANGED}, errors=(404,)),
            Route(method="GET", path="/languages", handler=self.languages,
                  summary="The languages that can be submitted right now.",
                  answers={200: offered}, errors=(503,)),
        ]  # fmt: skip

    async def list_all(self) -> Response:
        """Answer with the head of every problem."""
        heads = tuple(ProblemHead(**head_of(problem)) for problem in self._catalogue.values())
        return _unless_known(answer(ProblemList(problems=heads)))

    async def show(self, problem_id: str) -> Response:
        """Answer with everything of one problem that solvers may see."""
        problem = self._catalogue.get(problem_id)
        if problem is None:
            raise not_found(f"there is no problem {problem_id[:64]!r}; all are at GET /problems")
        return _unless_known(answer(ProblemPage.of(problem)))

    async def languages(self) -> Response:
        """Answer with the languages that the living workers offer."""
        offered = await self._workers.languages()
        return answer(LanguageList(languages=tuple(offered.values())))


def _unless_known(response: Response) -> Response:
    """Return *response* with its ETag, or 304 to a client that has it already.

    A weak one: packed or not, it is the same.
    """
    etag = hashlib.sha256(response.response.data).hexdigest()[:16]  # type: ignore[attr-defined]
    if request.if_none_match.contains_weak(etag):
        response = Response(b"", 304)
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    return response
