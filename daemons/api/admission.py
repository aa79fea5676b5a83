"""What is asked of a well-formed submission: a known problem, an offered language, not too long.

All of it is checked before anything is stored, so a 2xx never turns out to be unjudgeable later.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import msgspec

from daemons.api.errors import Refusal, invalid
from daemons.api.store import LiveWorkers
from daemons.config import Limits
from judging.languages import Languages
from judging.package import Catalogue
from judging.problem import Problem
from protocol.errors import FieldError
from protocol.messages import Request, RunLimits, RunRequest, SubmissionRequest, TutorialRequest

#: How the tutorial's form spells the fields of the full one.
TUTORIAL_NAMES = {
    field.name: field.encode_name for field in msgspec.structs.fields(TutorialRequest)
}


class Admission:
    """Decides whether a submission may come in.

    *known* are all languages that this version can judge, *workers* tells those offered right now.
    """

    def __init__(
        self, catalogue: Catalogue, known: Languages, workers: LiveWorkers, limits: Limits
    ) -> None:
        self._catalogue = catalogue
        self._known = known
        self._workers = workers
        self._limits = limits

    async def check_run(self, request: RunRequest) -> None:
        """Return if *request* may come in.

        Raises:
            Refusal, StoreUnavailable: as for `check`.
        """
        self._check_size(request, self._limits.code_bytes)
        for name in RunLimits.__struct_fields__:
            asked = getattr(request.limits, name)
            maximum = getattr(self._limits, f"run_{name}")
            if asked is not None and asked > maximum:
                raise invalid(f"limits.{name}", f"`limits.{name}` must be at most {maximum:g}")
        await self._check_language(request.language, "language")

    async def check(
        self, request: SubmissionRequest, names: Mapping[str, str] | None = None
    ) -> None:
        """Return if *request* may come in.

        Args:
            request: the submission.
            names: how the client spells the fields, where that differs.

        Raises:
            Refusal: it may not; says why, under the client's name of the field.
            StoreUnavailable: nobody can tell which languages are offered.
        """
        spelled = {"problem_id": "problem_id", "language": "language", **(names or {})}
        # Size first: what is too large for everybody needs no look at a problem.
        self._check_size(request, self._limits.code_bytes)
        problem = self._problem(request.problem_id, spelled["problem_id"])
        if problem.limits.code_bytes is not None:
            self._check_size(request, problem.limits.code_bytes)
        if problem.languages is not None and request.language not in problem.languages:
            taken = ", ".join(problem.languages)
            message = f"{problem.id} does not take {request.language!r}, only: {taken}"
            raise invalid(spelled["language"], message)
        await self._check_language(request.language, spelled["language"])

    def _check_size(self, request: Request, limit_bytes: int) -> None:
        parts = [request.code or "", *(file.content for file in request.files)]
        size_bytes = sum(len(part.encode()) for part in parts)
        if size_bytes > limit_bytes:
            message = f"{size_bytes} bytes of code; at most {limit_bytes} are taken"
            field = "files" if request.files else "code"
            raise Refusal(413, "code-too-large", message, fields=[FieldError(field, message)])

    def _problem(self, problem_id: str, field: str) -> Problem:
        problem = self._catalogue.get(problem_id)
        if problem is None:
            hint = _hint(problem_id, self._catalogue)
            raise invalid(field, f"there is no problem {problem_id!r}; {hint} GET /problems")
        return problem

    async def _check_language(self, language: str, field: str) -> None:
        if language in await self._workers.languages():
            return
        # A worker that offers it may have come since.
        offered = await self._workers.languages(fresh=True)
        if language in offered:
            return
        if language not in self._known:
            hint = _hint(language, self._known)
            raise invalid(field, f"there is no language {language!r}; {hint} GET /languages")
        # With no worker alive there is nobody to ask: it waits in the queue until one is back.
        if offered:
            known = self._known[language]
            # The last place where a program is looked for is its bare name.
            tools = known.whence(sorted(places[-1] for places in known.programs.values()))
            raise invalid(
                field,
                f"no worker offers {language!r} at the moment; offered: {', '.join(offered)}."
                f" What a worker's machine needs for it: {tools}",
            )


def _hint(wrong: str, right: Iterable[str]) -> str:
    """Return what was probably meant by *wrong*, and the beginning of where to look."""
    near = difflib.get_close_matches(wrong, list(right), n=1)
    return f"did you mean {near[0]!r}? All are at" if near else "all are at"
