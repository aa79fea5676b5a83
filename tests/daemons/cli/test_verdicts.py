"""What the terminal shows of a submission's story."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress

from daemons.cli.verdicts import Story

#: Sets a terminal's title, clears it by the one-character form, turns the line round, colours.
LOUD = "\x1b]0;owned\x07 \x9b2J \u202e \x00 [red]not markup[/] plain"


def test_output_of_a_program_is_shown_without_what_a_terminal_obeys() -> None:
    """Row 98. Feedback and compiler messages lose control characters, and their markup is text."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system=None, width=200)
    story = Story(console, Progress(console=console, disable=True))
    test = {"name": "1", "verdict": "wrong_answer", "feedback": LOUD}
    for verdict, output in (("wrong_answer", None), ("compile_error", LOUD)):
        story.finish(
            {"verdict": verdict, "status": "done", "compile_output": output, "tests": [test],
             "tests_passed": 0, "tests_total": 1, "time_s": None, "memory_bytes": None}
        )  # fmt: skip
    shown = screen.getvalue()
    assert shown.count("plain") == 3
    assert shown.count("[red]not markup[/]") == 3
    assert not set("\x1b\x07\x9b\u202e\x00") & set(shown)
