"""Tables of TeX statements as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_LINES = re.compile(r"\\(?:hline|toprule|midrule|bottomrule|cline\{[^}]*\}|cmidrule\{[^}]*\})")
_SPAN = re.compile(r"\\multicolumn\{(\d+)\}")
_FORMULA = re.compile(r"\$[^$]*\$")
_MAX_SPAN = 100


def table_of(body: str, cell: Callable[[str], str]) -> str:
    """Return the body of a `tabular` as a Markdown table; *cell* converts what is in one cell."""
    rows = [
        [_flat(cell(text)) for text in _cells(row)]
        for row in _split(_LINES.sub("", body), "\\\\")
        if row.strip()
    ]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _cells(row: str) -> Iterator[str]:
    for text in _split(row, "&"):
        yield text
        if span := _SPAN.search(text):
            yield from [""] * (min(int(span[1]), _MAX_SPAN) - 1)


def _split(text: str, mark: str) -> Iterator[str]:
    r"""Yield the parts between *mark*s that stand outside braces; `\&` is no `&`."""
    start = place = level = 0
    while place < len(text):
        if level == 0 and text.startswith(mark, place):
            yield text[start:place]
            place += len(mark)
            start = place
        elif text[place] == "\\":
            place += 2
        else:
            level += (text[place] == "{") - (text[place] == "}")
            place += 1
    yield text[start:]


def _flat(text: str) -> str:
    text = _FORMULA.sub(lambda found: found[0].replace("|", r"\vert "), text)
    return re.sub(r"\\?\s*\n\s*", " ", text).replace("\\|", "&#124;").strip()
