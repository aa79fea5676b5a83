r"""Statements in TeX as Markdown: the subset that the format asks for, and some more.

Mathematics stays as it is, between dollars. What only shapes the page (sizes, skips) is dropped; a
command that is not known gives way to the text in its arguments, so nothing of a statement is lost.
No macro is executed but those that a statement defines, see `judging.texmacros`, and `\input` reads
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from judging import texwords as words
from judging.texmacros import expand_macros, raw_argument
from judging.textables import table_of

_MAX_DEPTH = 40
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?[ \t]*|\\(.)", re.DOTALL)
_PLAIN_TITLE = re.compile(r"^%%\s*plainproblemname:\s*(.+)$", re.MULTILINE)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*\n?[ \t]*")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def plain_title(text: str) -> str:
    """Return the problem's name as a TeX statement gives it, empty if it does not."""
    if found := _PLAIN_TITLE.search(text):
        return found[1].strip()
    named = re.search(r"\\problemname\s*\{", text)
    if named is None:
        return ""
    reader = _Reader(_COMMENT.sub(r"\1", text[named.end() - 1 :]), {}, 0)
    return re.sub(r"\\([^A-Za-z])", r"\1", reader.argument()).strip()


def to_markdown(text: str, constants: Mapping[str, str]) -> str:
    """Return a TeX statement as Markdown, without its title."""
    text = expand_macros(_strip_comments(text.replace("\r\n", "\n")))
    markdown = _Reader(text, constants, 0).blocks()
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", markdown)).strip() + "\n"


def _strip_comments(text: str) -> str:
    parts = re.split(r"(\\begin\{(verbatim|lstlisting)\}.*?\\end\{\2\})", text, flags=re.DOTALL)
    # Text, environment, and its name, by turns.
    return "".join(
        _COMMENT.sub(r"\1", part) if index % 3 == 0 else part
        for index, part in enumerate(parts)
        if index % 3 != 2
    )


class _Reader:
    """Reads TeX from *place* on and writes Markdown."""

    def __init__(self, text: str, constants: Mapping[str, str], depth: int, place: int = 0) -> None:
        self.text = text
        self.place = place
        self._constants = constants
        self._depth = depth

    def blocks(self, end: str = "") -> str:
        """Return all up to *end*, a brace or the end of an environment, and pass over it."""
        out: list[str] = []
        switch = ""
        while self.place < len(self.text):
            if end and self.text.startswith(end, self.place):
                self.place += len(end)
                break
            rest = _COMMAND.match(self.text, self.place)
            if rest is not None and rest[1] in words.SWITCHES and not switch:
                self.place = rest.end()
                switch = words.SWITCHES[rest[1]]
                out, before = [], out
                out.append("".join(before))
                continue
            if out and out[-1].endswith("\n") and self.text[self.place] in " \t":
                self.place += 1  # the beginning of a line means nothing in TeX, much in Markdown
                continue
            out.append(self._next())
        text = "".join(out[1:]) if switch else "".join(out)
        return (out[0] + _wrap(text, switch)) if switch else text

    def _next(self) -> str:
        char = self.text[self.place]
        if char == "\\":
            return self._command()
        if char == "$":
            return self._math()
        if char == "{":
            self.place += 1
            return self._inner().join_back(self, "}")
        self.place += 1
        if char in "~&}":
            return {"~": "\u00a0", "&": " ", "}": ""}[char]
        return self._plain(char)

    def _plain(self, char: str) -> str:
        for written, meant in (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("<<", "«"),
                               (">>", "»")):  # fmt: skip
            if self.text.startswith(written, self.place - 1):
                self.place += len(written) - 1
                return meant
        if char in "`'":
            return "‘" if char == "`" else "’"
        return _SPECIAL.sub(r"\\\1", char)

    def _inner(self) -> _Reader:
        if self._depth >= _MAX_DEPTH:
            # Nobody writes so; what is left is shown as it stands.
            flat = _Reader("", self._constants, self._depth)
            self.place = len(self.text)
            return flat
        return _Reader(self.text, self._constants, self._depth + 1, self.place)

    def join_back(self, outer: _Reader, end: str) -> str:
        """Read up to *end* and let *outer* go on behind it."""
        markdown = self.blocks(end)
        outer.place = max(outer.place, self.place)
        return markdown

    def _math(self) -> str:
        fence = "$$" if self.text.startswith("$$", self.place) else "$"
        start = self.place + len(fence)
        found = re.compile(r"(?<!\\)" + re.escape(fence)).search(self.text, start)
        stop = found.start() if found else len(self.text)
        self.place = stop + len(fence)
        return self._math_of(self.text[start:stop], fence)

    def _math_of(self, formula: str, fence: str) -> str:
        formula = re.sub(
            r"\\constant\{(\w+)\}", lambda m: self._constants.get(m[1], m[0]), formula.strip()
        )
        # A blank line would end the formula in Markdown.
        formula = re.sub(r"\n\s*\n", "\n", formula)
        if fence == "$$":
            return f"\n\n$$\n{formula}\n$$\n\n"
        return "$" + formula.replace("\n", " ") + "$"

    def argument(self) -> str:
        """Return the next argument as Markdown."""
        self._skip_blank()
        if self.text[self.place : self.place + 1] != "{":
            inner = self._inner()
            markdown = inner._next() if inner.place < len(inner.text) else ""
            self.place = max(self.place, inner.place)
            return markdown
        self.place += 1
        return self._inner().join_back(self, "}").strip()

    def raw_argument(self) -> str:
        """Return the next argument as it stands."""
        argument, self.place = raw_argument(self.text, self.place)
        return argument

    def _skip_blank(self) -> None:
        while self.text[self.place : self.place + 1].isspace():
            self.place += 1

    def _skip_options(self) -> None:
        if self.text[self.place : self.place + 1] == "[":
            stop = self.text.find("]", self.place)
            self.place = stop + 1 if stop >= 0 else len(self.text)

    def _command(self) -> str:
        found = _COMMAND.match(self.text, self.place)
        if found is None:  # a backslash at the very end
            self.place += 1
            return ""
        self.place = found.end()
        name, symbol = found[1], found[2]
        if symbol is not None:
            return self._symbol(symbol)
        special = _COMMANDS.get(name)
        if special is not None:
            return special(self)
        if name in words.SYMBOLS:
            self.place += 2 * self.text.startswith("{}", self.place)
            return words.SYMBOLS[name]
        return self._around(name)

    def _around(self, name: str) -> str:
        """Return what a command makes of its argument; one that is not known drops out."""
        if name in words.AROUND:
            return _wrap(self.argument(), words.AROUND[name])
        if name in words.SECTIONS:
            return f"\n\n{words.SECTIONS[name]} {self.argument()}\n\n"
        if name in words.LETTER_ACCENTS:
            return _accented(self.argument(), words.LETTER_ACCENTS[name])
        for _ in range(words.SILENT.get(name, 0)):
            self.raw_argument()
        self._skip_options()
        return ""

    def _symbol(self, symbol: str) -> str:
        if symbol in "([":
            close = {"(": r"\)", "[": r"\]"}[symbol]
            stop = self.text.find(close, self.place)
            stop = len(self.text) if stop < 0 else stop
            formula, self.place = self.text[self.place : stop], stop + 2
            return self._math_of(formula, "$" if symbol == "(" else "$$")
        if symbol == "\\":
            self._skip_options()
            return "\\\n"
        if symbol in words.ACCENTS and re.match(r"\{?\\?[A-Za-z]", self.text[self.place :]):
            return _accented(self.argument(), words.ACCENTS[symbol])
        if symbol == "$":
            return "\\$"
        return " " if symbol in " ,;:!/\n-" else _SPECIAL.sub(r"\\\1", symbol)

    def _environment(self) -> str:
        name = self.raw_argument().strip()
        plain = name.rstrip("*")
        close = f"\\end{{{name}}}"
        if plain in words.MATH_ENVIRONMENTS:
            kept = {"align": "aligned", "eqnarray": "aligned", "gather": "gathered"}.get(plain)
            body = self._raw_until(close)
            if kept:
                body = f"\\begin{{{kept}}}{body}\\end{{{kept}}}"
            return self._math_of(body, "$$")
        self._skip_options()
        if plain in words.CODE:
            body = self._raw_until(close).strip("\n")
            return f"\n\n````\n{body}\n````\n\n"
        if plain in ("tabular", "tabularx", "array", "longtable"):
            if plain == "tabularx":
                self.raw_argument()
            self.raw_argument()
            rows = table_of(self._raw_until(close), self._cell)
            return f"\n\n{rows}\n\n"
        for _ in range(words.OPTIONS.get(plain, 0)):
            self.raw_argument()
            self._skip_options()
        return self._block(plain, close)

    def _block(self, name: str, close: str) -> str:
        if name in words.LISTS:
            return self._list(ordered="enum" in name, close=close)
        body = self._inner().join_back(self, close).strip()
        if name in ("quote", "quotation"):
            quoted = "\n".join(f"> {line}".rstrip() for line in body.splitlines())
            return f"\n\n{quoted}\n\n"
        if name in words.HEADED:
            return f"\n\n## {name}\n\n{body}\n\n"
        return f"\n\n{body}\n\n"

    def _list(self, *, ordered: bool, close: str) -> str:
        body = self._inner().join_back(self, close)
        items = body.split(_ITEM)[1:]
        lines = []
        for number, item in enumerate(items, 1):
            mark = f"{number}. " if ordered else "- "
            text = re.sub(r"\n{3,}", "\n\n", item).strip()
            lines.append(mark + text.replace("\n", "\n" + " " * len(mark)))
        return "\n\n" + "\n".join(lines) + "\n\n"

    def _item(self) -> str:
        if self.text[self.place : self.place + 1] != "[":
            return _ITEM
        stop = self.text.find("]", self.place)
        stop = len(self.text) if stop < 0 else stop
        label = _Reader(self.text[self.place + 1 : stop], self._constants, self._depth + 1)
        self.place = stop + 1
        self._skip_blank()
        return f"{_ITEM}{_wrap(label.blocks(), '**')} "

    def _raw_until(self, close: str) -> str:
        stop = self.text.find(close, self.place)
        stop = len(self.text) if stop < 0 else stop
        start, self.place = self.place, stop + len(close)
        return self.text[start:stop]

    def _cell(self, text: str) -> str:
        return _Reader(text, self._constants, self._depth + 1).blocks()

    def _image(self) -> str:
        self._skip_options()
        return _picture(self.raw_argument())

    def _illustration(self) -> str:
        self.raw_argument()
        file = self.raw_argument()
        caption = self.argument()
        return f"\n\n{_picture(file)}\n\n{caption}\n\n"

    def _link(self) -> str:
        address = self.raw_argument().replace("\\", "")
        return f"[{self.argument()}](<{address}>)"

    def _url(self) -> str:
        return f"<{self.raw_argument().replace(chr(92), '')}>"

    def _epigraph(self) -> str:
        said, whose = self.argument(), self.argument()
        return f"\n\n> {' '.join(said.split())} — {' '.join(whose.split())}\n\n"

    def _constant(self) -> str:
        name = self.raw_argument()
        return self._constants.get(name, name)

    def _title(self) -> str:
        self.raw_argument()
        return ""

    def _verb(self) -> str:
        mark = self.text[self.place : self.place + 1]
        stop = self.text.find(mark, self.place + 1)
        if stop < 0:
            return ""
        code, self.place = self.text[self.place + 1 : stop], stop + 1
        return f"`` {code} ``"

    def _spanning(self) -> str:
        self.raw_argument()
        self.raw_argument()
        return self.argument()

    def _colored(self) -> str:
        self.raw_argument()
        return self.argument()


#: Stands for \item until the list around it is put together.
_ITEM = "\x00"
_COMMANDS: Mapping[str, Callable[[_Reader], str]] = {
    "begin": _Reader._environment,
    "item": _Reader._item,
    "includegraphics": _Reader._image,
    "illustration": _Reader._illustration,
    "href": _Reader._link,
    "url": _Reader._url,
    "epigraph": _Reader._epigraph,
    "constant": _Reader._constant,
    "problemname": _Reader._title,
    "verb": _Reader._verb,
    "lstinline": _Reader._verb,
    "multirow": _Reader._spanning,
    "multicolumn": _Reader._spanning,
    "textcolor": _Reader._colored,
}


def _wrap(text: str, mark: str) -> str:
    """Return *text* between marks; each paragraph for itself, blanks left outside."""
    if mark == "`":
        text = re.sub(r"\\([^A-Za-z0-9\s])", r"\1", text)
    parts = re.split(r"(\n\s*\n)", text)
    wrapped = []
    for part in parts:
        inner = part.strip()
        lead, tail = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
        ticked = mark == "`" and "`" in inner
        marked = f"`` {inner} ``" if ticked else f"{mark}{inner}{mark}"
        wrapped.append(f"{lead}{marked}{tail}" if inner else part)
    return "".join(wrapped)


def _accented(letter: str, accent: str) -> str:
    letter = letter.replace("ı", "i")
    return letter[:1] + accent + letter[1:]


def _picture(file: str) -> str:
    return f"![](<{file.strip()}>)"
