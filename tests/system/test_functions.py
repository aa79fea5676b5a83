"""Problems that want a function, from a POST to a verdict on a WebSocket: honest code, and cheating."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from judging.languages import load_languages
from judging.package import load_problem
from tests.system.conftest import ROOT, submission

if TYPE_CHECKING:
    from tests.system.conftest import System

#: Four compilers at once, on two cores of a crowded machine.
COMPILE_S = 180.0
#: Between them they have right solutions in all seven languages.
PROBLEMS = [
    load_problem(ROOT / "problems" / name)
    for name in ("ticket-windows", "fair-cargo", "smooth-river", "convoy-turn")
]
#: What does solve ticket-windows.
RIGHT = """
from bisect import bisect_left


class Solution:
    def lastServed(self, minutes, visitors):
        at = range(min(minutes) * visitors + 1)
        return bisect_left(at, visitors, key=lambda time: sum(time // each for each in minutes))
"""
#: The one line is all that the function does.
ONE_LINE = """
import glob, os, sys


class Solution:
    def lastServed(self, minutes, visitors):
        {}
"""
BEFORE = """
import os

for fd in range(3, 30):
    try:
        os.write(fd, b"1\\n0\\n")
    except OSError:
        pass
"""
AFTER = """
import atexit, os

kept = [os.dup(int(fd)) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]


@atexit.register
def more():
    for fd in kept:
        try:
            os.write(fd, b"1\\n0\\n")
        except OSError:
            pass
"""
CPP = """
#include <cstdio>
#include <cstdlib>
class Solution {
public:
    long long lastServed(vector<int> minutes, int visitors) {
        puts("1\\n0");
        fflush(stdout);
        _Exit(0);
    }
};
"""
JAVASCRIPT = """
var lastServed = function (minutes, visitors) {
    console.log("1\\n0");
    process.exit(0);
};
"""
#: Code for ticket-windows that gets nothing, by what it does. The first sample's answer is not 0.
CHEATS = {
    "ends before it is asked": ("python", "import os\nos._exit(0)\n"),
    "ends when it is asked": ("python", ONE_LINE.format("sys.exit(0)")),
    "replies before the right reply, too": ("python", BEFORE + RIGHT),
    "replies after the right reply, too": ("python", AFTER + RIGHT),
    "prints a reply": ("python", ONE_LINE.format("print('1\\n0', flush=True); os._exit(0)")),
    "reads the next case": ("python", ONE_LINE.format("return len(sys.stdin.read())")),
    "looks for the answer": (
        "python",
        ONE_LINE.format("return int(open(glob.glob('/box/**/*.ans', recursive=True)[0]).read())"),
    ),
    "prints a reply in C++": ("cpp", CPP),
    "prints a reply in JavaScript": ("javascript", JAVASCRIPT),
}


def honest() -> dict[str, tuple[str, str, str, str]]:
    """Return problem, language, code and verdict of a right and a wrong solution per language."""
    found = {}
    for problem in PROBLEMS:
        for each in problem.submissions:
            kind = each.path.parent.name
            if kind in ("accepted", "wrong_answer") and each.language is not None:
                code = "".join(problem.sources_of(each).values())
                found.setdefault(f"{kind} {each.language}", (problem.id, each.language, code, kind))
    return found


def test_functions_are_judged_in_every_language_and_no_cheat_scores(system: System) -> None:
    """All at once, as a class would send them: each gets its verdict, told on the user's socket."""
    wanted = {
        language.id
        for language in load_languages().values()
        if language.function is not None and language.variant_of is None
    }
    sent: dict[str, tuple[str, str | None]] = {}
    told: dict[str, dict[str, Any]] = {}
    with system.http() as http, system.socket("pupil") as client:
        offered = {each["id"] for each in http.get("/languages").json()["languages"]}
        bodies = {
            name: (submission(code, language, problem_id=problem, user_id="pupil"), verdict)
            for name, (problem, language, code, verdict) in honest().items()
            if language in offered
        }
        assert {f"accepted {language}" for language in wanted & offered} <= set(bodies)
        for name, (language, code) in CHEATS.items():
            if language in offered:
                body = submission(code, language, problem_id="ticket-windows", user_id="pupil")
                bodies[name] = (body, None)
        for name, (body, verdict) in bodies.items():
            answer = http.post("/submissions", json=body)
            assert answer.status_code == 202, answer.text
            sent[answer.json()["id"]] = (name, verdict)
        while len(told) < len(sent):
            event = json.loads(client.recv(timeout=COMPILE_S))
            if event["type"] == "submission.judged":
                told[event["submission_id"]] = event
    for id_, (name, verdict) in sent.items():
        event = told[id_]
        if verdict is None:
            assert event["verdict"] not in ("accepted", "internal_error"), name
            assert event["tests_passed"] == 0, name
        else:
            assert event["verdict"] == verdict, name
