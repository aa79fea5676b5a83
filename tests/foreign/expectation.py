"""What is expected of packages that no one here wrote, and what of it did not come about."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from daemons.cli.verify import Finding

TABLE = Path(__file__).with_name("expected.toml")


class Expectation(NamedTuple):
    """What deviates from "it loads, and its submissions get what their folders say".

    Attributes:
        refused: what the reason has in it for which a package does not load, by its name.
        skipped: the same of submissions that are not judged, by a pattern of their names.
        verdicts: what submissions get that their folders do not name, by a pattern.
    """

    refused: Mapping[str, str]
    skipped: Mapping[str, str]
    verdicts: Mapping[str, list[str]]

    def wrong_packages(self, refused: Mapping[str, str]) -> Iterator[str]:
        """Report packages that are *refused* (name: reason) and should not be, or the reverse."""
        for name, reason in refused.items():
            if name not in self.refused:
                yield f"{name} is refused: {reason}"
            elif self.refused[name] not in reason:
                yield f"{name} is refused for another reason: {reason}"
        for name in self.refused:
            if name not in refused:
                yield f"{name} is not refused any more"

    def wrong_findings(self, findings: Iterable[Finding], *, whole: bool = True) -> Iterator[str]:
        """Report each of *findings* that is not as expected; of the *whole*, patterns without any."""
        unused = {*self.skipped, *self.verdicts} if whole else set()
        for finding in findings:
            pattern = self._pattern(finding)
            unused.discard(pattern)
            problem = self._wrong(finding, pattern)
            if problem:
                yield f"{finding.submission}: {problem}"
        for pattern in sorted(unused):
            yield f"{pattern} stands in {TABLE.name} and fits nothing"

    def _pattern(self, finding: Finding) -> str:
        table = self.skipped if finding.verdict is None else self.verdicts
        return next((each for each in table if fnmatchcase(finding.submission, each)), "")

    def _wrong(self, finding: Finding, pattern: str) -> str:
        if finding.verdict is None:
            # A machine without the tools says so, and is not wrong for it.
            known = self.skipped.get(pattern, "no tools for")
            return "" if known in (finding.note or "") else f"not judged: {finding.note}"
        if pattern:
            expected = self.verdicts[pattern]
            return "" if finding.verdict in expected else f"{finding.verdict}, not {expected}"
        if not finding.wrong:
            return ""
        score = "" if finding.score is None else f" with {finding.score:g} points"
        return f"{finding.verdict}{score}, not {finding.expected} ({finding.note})"


def read_expectation(file: Path = TABLE) -> Expectation:
    """Read the table."""
    return Expectation(**tomllib.loads(file.read_text()))


def tell(findings: Iterable[Finding]) -> str:
    """Return how many submissions there were, of which verdict, and how many were not judged."""
    counts = Counter(each.verdict or "not judged here" for each in findings)
    listed = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    return f"{counts.total()} submissions: {listed}"
