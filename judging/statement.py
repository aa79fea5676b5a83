"""A problem's statement: which file it is, and its Markdown as HTML.

Markdown is CommonMark with tables, footnotes and `$math$`, as the format asks. Math stays TeX, in
elements of class `math`, for the page to typeset. Raw HTML in a statement is shown as text, since
whoever may add a problem must not thereby run scripts in everybody's browser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from judging.errors import PackageError
from judging.problem import Sample

_FILE = re.compile(r"problem(?:\.([a-z]{2,3}(?:-[A-Z]{2})?))?\.(md|tex|pdf)")
_NEXT = "{{nextsample}}"
_REMAINING = "{{remainingsamples}}"


def find_statement(directory: Path) -> tuple[Path, str]:
    """Return the statement in *directory* and its language: English if there is one.

    Raises:
        PackageError: there is none in Markdown.
    """
    found: dict[str, Path] = {}
    others: list[Path] = []
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        match = _FILE.fullmatch(path.name)
        if match and match[2] == "md":
            found.setdefault(match[1] or "en", path)
        elif match:
            others.append(path)
    if not found and others:
        raise PackageError(others[0], "TeX and PDF are not supported yet; add a problem.en.md")
    if not found:
        raise PackageError(directory, "expected a statement: problem.en.md")
    language = "en" if "en" in found else min(found)
    return found[language], language


def read_statement(file: Path) -> str:
    """Return the text of a statement.

    Raises:
        PackageError: it is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise PackageError(file, f"not UTF-8: {exc.reason} at byte {exc.start}") from exc


def place_samples(markdown: str, samples: Sequence[Sample], file: Path) -> str:
    """Put samples where the statement asks for them with `{{nextsample}}` and the like.

    Raises:
        PackageError: it asks for more than there are.
    """
    left = list(samples)
    parts = re.split(f"({re.escape(_NEXT)}|{re.escape(_REMAINING)})", markdown)
    for index, part in enumerate(parts):
        if part == _NEXT and not left:
            raise PackageError(file, f"{_NEXT}: there are only {len(samples)} samples")
        if part == _NEXT:
            parts[index] = _as_markdown(left.pop(0))
        elif part == _REMAINING:
            parts[index] = "\n".join(_as_markdown(sample) for sample in left)
            left.clear()
    return "".join(parts)


def to_html(markdown: str) -> str:
    """Return *markdown* as HTML that is safe to put into a page."""
    return str(_renderer().render(markdown))


@lru_cache(maxsize=1)
def _renderer() -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    # "costs $5 and $6" is no math: a closing dollar follows no blank and precedes no digit.
    renderer.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    return renderer.use(footnote_plugin)


def _as_markdown(sample: Sample) -> str:
    fence = "`" * 4
    blocks = ((name, text) for name, text in (("Input", sample.input), ("Output", sample.output)))
    return "".join(f"\n{name}:\n\n{fence}\n{text.rstrip()}\n{fence}\n" for name, text in blocks)
