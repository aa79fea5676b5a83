"""How a submission's story looks in the terminal: live with progress, or line by line in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from daemons.cli.remote import Frame
from protocol.messages import EventType

_COLOURS = {
    "accepted": "green",
    "wrong_answer": "red",
    "compile_error": "magenta",
    "internal_error": "bold red",
}
_MAX_OUTPUT_LINES = 40


class Story:
    """Prints a submission's events as they come, and its verdict in the end."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._bar = progress.add_task("queued", total=None)

    def tell(self, event: Frame) -> None:
        """Print one event."""
        match event["type"]:
            case EventType.QUEUED:
                self._step("in the queue", event["submission_id"])
            case EventType.REQUEUED:
                self._progress.reset(self._bar)
                self._step("back in the queue", "its worker is gone; another begins anew")
            case EventType.STARTED:
                self._step("compiling", "")
            case EventType.COMPILED:
                self._progress.update(self._bar, total=event["tests_total"])
                self._step("compiled", f"in {event['time_s']:.2f} s")
            case EventType.TEST:
                self._test(event)

    def finish(self, submission: Frame) -> None:
        """Print the verdict."""
        verdict = submission["verdict"] or submission["status"]
        self._compiler_output(submission)
        for test in submission["tests"]:
            if test.get("feedback") and test["verdict"] != "accepted":
                self._console.print(escape(f"{test['name']}: {_text(test['feedback'])}"))
        parts = [f"{submission['tests_passed']} of {submission['tests_total']} tests"]
        if submission["time_s"] is not None:
            parts.append(f"{submission['time_s']:.3f} s")
        if submission["memory_bytes"] is not None:
            parts.append(_megabytes(submission["memory_bytes"]))
        self._console.print(f"{_coloured(verdict)}  {', '.join(parts)}")

    def _step(self, what: str, more: str) -> None:
        self._progress.update(self._bar, description=what)
        self._console.print(escape(f"{what} {more}".rstrip()))

    def _test(self, event: Frame) -> None:
        self._progress.update(
            self._bar, description="running", total=event["total"], completed=event["index"]
        )
        used = f"{event['time_s']:.3f} s  {_megabytes(event['memory_bytes'])}"
        place = f"{event['index']:>3}/{event['total']}"
        name = escape(event.get("name", ""))
        self._console.print(f"{place} {name} {_coloured(event['verdict'])}  {used}")

    def _compiler_output(self, submission: Frame) -> None:
        lines = _text(submission["compile_output"]).splitlines()
        for line in lines[:_MAX_OUTPUT_LINES]:
            self._console.print(escape(line))
        if len(lines) > _MAX_OUTPUT_LINES:
            self._console.print(f"... and {len(lines) - _MAX_OUTPUT_LINES} more lines")


@contextmanager
def open_story(*, silent: bool) -> Iterator[Story]:
    """Open a story on stdout; a *silent* one prints nothing."""
    console = Console(quiet=silent, highlight=False, soft_wrap=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=silent or not console.is_terminal,
    )
    with progress:
        yield Story(console, progress)


def _coloured(verdict: str) -> str:
    return f"[{_COLOURS.get(verdict, 'yellow')}]{escape(verdict)}[/]"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _text(output: object) -> str:
    """Return *output* for a terminal: no control characters, and a word where it is not text."""
    if not isinstance(output, str):
        return "(output that is not UTF-8)" if output else ""
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in output)
