"""A problem's statement: which file it is, and what it says as Markdown and as HTML.

Markdown is CommonMark with tables, footnotes and `$math$`, as the format asks; statements in TeX
become Markdown first (`judging.tex`). Math stays TeX, in elements of class `math`, for the page to
typeset. Raw HTML in a statement is shown as text, since whoever may add a problem must not thereby
run scripts in everybody's browser. Images become part of the HTML; those of elsewhere are not
shown, so that nobody learns who reads a statement.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from judging import tex
from judging.errors import PackageError
from judging.files import fill_constants
from judging.metadata import Metadata
from judging.problem import Sample

_FILE = re.compile(r"problem(?:\.([a-z]{2,3}(?:-[A-Z]{2})?))?\.(md|tex|pdf)")
_NEXT = "{{nextsample}}"
_REMAINING = "{{remainingsamples}}"


#: Kinds of images that browsers show; SVG in an image runs no script.
_IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
}
_MAX_IMAGE_BYTES = 1 << 20
#: A larger one is only named; the whole statement goes with each answer that shows the problem.
_MAX_PDF_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement says.

    Attributes:
        language: its code.
        title: the problem's name, should the statement give it.
        markdown: the text, samples where it asks for them.
        html: the same.
    """

    language: str
    title: str
    markdown: str
    html: str


def read_statement(root: Path, metadata: Metadata, samples: Sequence[Sample]) -> Statement:
    """Return the statement of the package at *root*: in English if there is one.

    Raises:
        PackageError: there is none, or it is not UTF-8, or asks for samples that are not there.
    """
    file, language = _find(root, metadata.statement_directories)
    title = ""
    if file.suffix == ".pdf":
        return _read_pdf(file, language)
    if file.suffix == ".tex":
        text = read_text(file)
        title, markdown = tex.plain_title(text), tex.to_markdown(text, metadata.constants)
    else:
        markdown = fill_constants(read_text(file), metadata.constants)
    markdown = place_samples(markdown, samples, file)
    return Statement(language, title, markdown, to_html(markdown, file.parent))


def _read_pdf(file: Path, language: str) -> Statement:
    """Return a statement that has the PDF in *file* behind a link, and samples of its own."""
    markdown = f"The statement of this problem is the file {file.name} of its package.\n"
    html = to_html(markdown)
    content = file.read_bytes()
    if len(content) <= _MAX_PDF_BYTES:
        address = f"data:application/pdf;base64,{base64.b64encode(content).decode()}"
        name = escapeHtml(file.name)
        html = f'<p>Statement: <a download="{name}" href="{address}">{name}</a></p>\n'
    return Statement(language, "", markdown, html)


def _find(root: Path, directories: Sequence[str]) -> tuple[Path, str]:
    directory = next((root / each for each in directories if (root / each).is_dir()), None)
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(directory.iterdir()) if directory is not None else []:
        match = _FILE.fullmatch(path.name)
        if match:
            found.setdefault((match[1] or "en", match[2]), path)
    if not found:
        raise PackageError(
            directory or root / directories[0], "expected a statement: problem.en.md"
        )
    # What we can show best: English, then Markdown, then TeX.
    kinds = ("md", "tex", "pdf")
    language, kind = min(found, key=lambda key: (key[0] != "en", kinds.index(key[1]), key[0]))
    return found[language, kind], language


def read_text(file: Path) -> str:
    """Return the text of a file that people wrote.

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


def to_html(markdown: str, folder: Path | None = None) -> str:
    """Return *markdown* as HTML that is safe to put into a page; images are those of *folder*."""
    return str(_renderer().render(markdown, {"folder": folder}))


@lru_cache(maxsize=1)
def _renderer() -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # "costs $5 and $6" is no math: a closing dollar follows no blank and precedes no digit.
    renderer.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    renderer.add_render_rule("image", _render_image)
    return renderer.use(footnote_plugin)


def _render_image(
    renderer: Any, tokens: Sequence[Any], index: int, options: object, env: Mapping[str, Any]
) -> str:
    token = tokens[index]
    alt = escapeHtml(renderer.renderInlineAsText(token.children, options, env))
    source = _embedded(env.get("folder"), str(token.attrs["src"]))
    return f'<img src="{source}" alt="{alt}" />' if source else alt


def _embedded(folder: Path | None, name: str) -> str | None:
    """Return the image *name* of *folder* as a `data:` address; None if there is none to show."""
    kind = _IMAGES.get(Path(name).suffix.lower())
    if folder is None or kind is None:
        return None
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return None
    if file.stat().st_size > _MAX_IMAGE_BYTES:
        return None
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _as_markdown(sample: Sample) -> str:
    fence = "`" * 4
    blocks = [("Input", sample.input), ("Output", sample.output)]
    if sample.interaction:
        blocks = [("Interaction", sample.output)]
    return "".join(f"\n{name}:\n\n{fence}\n{text.rstrip()}\n{fence}\n" for name, text in blocks)
