"""Output validators of packages in real boxes: what they say counts, what they do wrong is theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from daemons.worker.programs import open_boxes
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from sandbox import Grade, SandboxError
from tests.daemons.worker.packages import HEAD, SUM_VALIDATOR, Judge, verdicts, write_package

CPP_VALIDATOR = """\
#include <fstream>
#include "codes.h"
int main(int, char **argv) {
    int total, a, b;
    std::ifstream(argv[1]) >> total;
    return std::cin >> a >> b && a + b == total ? RIGHT : WRONG;
}
"""
CODES_H = "#include <iostream>\nenum { RIGHT = 42, WRONG = 43 };\n"
RIGHT, WRONG = "print(0, input())", "print(1, 2)"


@pytest.fixture(scope="module")
def toolchains() -> dict[str, Toolchain]:
    """Give the toolchains that these tests use."""
    wanted = [load_languages()[name] for name in ("python", "cpp")]
    return trio.run(find_toolchains, wanted)


@pytest.fixture
async def judge(toolchains: dict[str, Toolchain], tmp_path: Path) -> AsyncIterator[Judge]:
    """Give a judge with a real box, within a bound."""
    with trio.fail_after(120):
        async with open_boxes(toolchains.values(), slots=1, grade=Grade.REDUCED) as sandbox:
            yield Judge(sandbox.boxes[0], toolchains, tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {"output_validator/validate.py": SUM_VALIDATOR},
        {"output_validator/v/main.cpp": CPP_VALIDATOR, "output_validator/v/codes.h": CODES_H},
        {
            "output_validator/build": '#!/bin/sh\ncp real.py run\nsed -i "1i #!$(command -v python3)" run\nchmod +x run\n',
            "output_validator/real.py": SUM_VALIDATOR,
        },
    ],
    ids=["python", "cpp", "scripts"],
)
async def test_custom_validator_decides(
    judge: Judge, tmp_path: Path, files: dict[str, str]
) -> None:
    """The validator's exit code is the verdict, whatever it is written in."""
    problem = write_package(tmp_path, files)
    accepted = await judge.judge(problem, RIGHT)
    assert judge.faults == []
    assert (accepted.verdict, accepted.tests_passed) == ("accepted", 2)
    wrong = await judge.judge(problem, WRONG)
    assert verdicts(wrong) == ["accepted", "wrong_answer"]
    assert judge.faults == []


async def test_feedback_is_told_of_samples_alone(judge: Judge, tmp_path: Path) -> None:
    """A message for the judges shows test data, so a hidden test keeps it."""
    problem = write_package(tmp_path, {"output_validator/validate.py": SUM_VALIDATOR})
    sample = await judge.judge(problem, "print(1)")
    assert [test.feedback for test in sample.tests] == ["1 words for 3"]
    hidden = await judge.judge(problem, "n = input()\nprint(*([0, n] if n == '3' else [1]))")
    assert verdicts(hidden) == ["accepted", "wrong_answer"]
    assert hidden.tests[1].feedback is None


@pytest.mark.parametrize(
    ("validator", "fault"),
    [
        ("import sys\nsys.exit(0)", "exit code 0, expected 42 or 43"),
        ("raise KeyError('deep')", "KeyError: 'deep'"),
        ("import os\nos.abort()", "killed by signal 6"),
        # A host that gives it no processor may find it idle.
        ("while True: pass", " limit"),
        ("x = bytearray(1 << 29)", "memory limit"),
        ("print('x' * (2 << 20))", "output limit"),
        ("import sys\nopen(sys.argv[3] + 'nextpass.in', 'w')\nsys.exit(42)", "not multi-pass"),
        ("import sys\nopen(sys.argv[3] + 'score.txt', 'w').write('x')\nsys.exit(42)", "score.txt"),
    ],
)
async def test_broken_validator_is_the_packages_fault(
    judge: Judge, tmp_path: Path, validator: str, fault: str
) -> None:
    """Whoever sent a program in must not pay for it: the verdict is an internal error, with a reason."""
    # Long enough for a loaded host, short for the one that would use it all.
    time_s = 1 if validator.startswith("while") else 20
    limits = f"limits: {{validation_time: {time_s}, validation_memory: 64, validation_output: 1}}\n"
    problem = write_package(
        tmp_path, {"problem.yaml": HEAD + limits, "output_validator/validate.py": validator}
    )
    judgement = await judge.judge(problem, RIGHT)
    assert judgement.verdict == "internal_error"
    assert len(judge.faults) == 1
    assert fault in judge.faults[0]


async def test_validator_that_does_not_compile_is_the_packages_fault(
    judge: Judge, tmp_path: Path
) -> None:
    """No test is run, and the compiler's words are in the reason."""
    problem = write_package(tmp_path, {"output_validator/v.cpp": "int main() { return nothing; }"})
    judgement = await judge.judge(problem, RIGHT)
    assert (judgement.verdict, judgement.tests) == ("internal_error", ())
    assert "does not compile" in judge.faults[0]
    assert "nothing" in judge.faults[0]


async def test_build_script_that_fails_is_the_packages_fault(judge: Judge, tmp_path: Path) -> None:
    """It ended by itself, so it would do the same again."""
    files = {"output_validator/build": "#!/bin/sh\necho no luck\nexit 3\n"}
    judgement = await judge.judge(write_package(tmp_path, files), RIGHT)
    assert judgement.verdict == "internal_error"
    assert "no luck" in judge.faults[0]


async def test_validators_compiler_that_runs_out_of_time_is_the_hosts_fault(
    judge: Judge, tmp_path: Path
) -> None:
    """On a crowded host it does, and at the next try not: there is no verdict, and no fault."""
    cpp = judge.toolchains["cpp"]
    limits = replace(cpp.language.compile_limits, wall_s=0.01)
    hasty = replace(cpp, language=replace(cpp.language, compile_limits=limits))
    judge.toolchains = {**judge.toolchains, "cpp": hasty}
    files = {"output_validator/v.cpp": CPP_VALIDATOR, "output_validator/codes.h": CODES_H}
    with pytest.raises(SandboxError, match=r"output_validator: .*limit"):
        await judge.judge(write_package(tmp_path, files), RIGHT)
    assert judge.faults == []


async def test_program_that_fails_is_never_shown_to_the_validator(
    judge: Judge, tmp_path: Path
) -> None:
    """A crash stays a crash, even where the validator takes anything."""
    accept_all = "import sys\nsys.exit(42)"
    problem = write_package(tmp_path, {"output_validator/v.py": accept_all})
    assert (await judge.judge(problem, "print(1)\nexit(3)")).verdict == "runtime_error"
    assert (await judge.judge(problem, "pass")).verdict == "accepted"


async def test_testlib_checker_is_called_in_its_own_way(judge: Judge, tmp_path: Path) -> None:
    """Input, output, answer as files; 0 is right, 1 and 2 are wrong, 3 is the package's fault."""
    checker = """
import sys
total, words = int(open(sys.argv[1]).read()), open(sys.argv[2]).read().split()
assert open(sys.argv[3]).read() == "an answer\\n"
print("wrong answer: of the kind", words[0], file=sys.stderr)
sys.exit({"right": 0, "wrong": 1, "odd": 2}.get(words[0], 3))
"""
    files = {"output_validator/check.py": checker, "gavel.yaml": "output_validator: testlib\n"}
    problem = write_package(tmp_path, files)
    assert (await judge.judge(problem, "print('right')")).verdict == "accepted"
    wrong = await judge.judge(problem, "print('wrong')")
    assert (wrong.verdict, wrong.tests[0].feedback) == (
        "wrong_answer", "wrong answer: of the kind wrong",
    )  # fmt: skip
    assert (await judge.judge(problem, "print('odd')")).verdict == "wrong_answer"
    assert judge.faults == []
    assert (await judge.judge(problem, "print('fail')")).verdict == "internal_error"
    assert "of the kind fail" in judge.faults[0]


TWO_PASSES = """
import os, sys
folder = sys.argv[3]
said = sys.stdin.read().strip()
if os.path.exists(folder + "first"):
    sys.exit(42 if said == "decoded " + open(folder + "first").read() else 43)
if said == "quit":
    sys.exit(43)
open(folder + "first", "w").write(open(sys.argv[1]).read().strip())
open(folder + "nextpass.in", "w").write(said)
sys.exit(42)
"""
CODEC = """
word = input()
print("decoded " + word[1:] if word[0] == "#" else "#" + word)
"""


async def test_multi_pass_runs_the_program_on_what_the_validator_asks(
    judge: Judge, tmp_path: Path
) -> None:
    """The second run gets the first one's output through the validator, which keeps its files."""
    files = {
        "problem.yaml": HEAD + "type: [pass-fail, multi-pass]\n",
        "output_validator/validate.py": TWO_PASSES,
    }
    problem = write_package(tmp_path, files)
    assert (await judge.judge(problem, CODEC)).verdict == "accepted"
    assert (await judge.judge(problem, "print('#')")).verdict == "wrong_answer"
    assert (await judge.judge(problem, "print('quit')")).verdict == "wrong_answer"
    crash = CODEC.replace("word = input()", "word = input()\nassert word[0] != '#'")
    assert (await judge.judge(problem, crash)).verdict == "runtime_error"
    assert judge.faults == []


async def test_multi_pass_has_an_end(judge: Judge, tmp_path: Path) -> None:
    """A validator that always asks for another pass is at fault."""
    endless = "import sys\nopen(sys.argv[3] + 'nextpass.in', 'w').write('1')\nsys.exit(42)"
    files = {
        "problem.yaml": HEAD + "type: multi-pass\nlimits: {validation_passes: 3}\n",
        "output_validator/validate.py": endless,
    }
    judgement = await judge.judge(write_package(tmp_path, files), RIGHT)
    assert judgement.verdict == "internal_error"
    assert "more than 3 passes" in judge.faults[0]


SCORING = {
    "problem.yaml": HEAD + "type: scoring\n",
    "data/sample/1.ans": "3\n",
    "data/secret/1.in": None,
    "data/secret/1.ans": None,
    "data/secret/a/1.in": "1\n",
    "data/secret/a/1.ans": "1\n",
    "data/secret/a/2.in": "2\n",
    "data/secret/a/2.ans": "2\n",
    "data/secret/a/test_group.yaml": "max_score: 40\n",
    "data/secret/b/1.in": "5\n",
    "data/secret/b/1.ans": "5\n",
    "data/secret/b/2.in": "6\n",
    "data/secret/b/2.ans": "6\n",
    "data/secret/b/test_group.yaml": "max_score: 60\nscore_aggregation: sum\nrequire_pass: secret/a\n",
}


@pytest.mark.parametrize(
    ("wrong", "score", "run"),
    [
        ("", 100, ["sample/1", "secret/a/1", "secret/a/2", "secret/b/1", "secret/b/2"]),
        ("5", 70, ["sample/1", "secret/a/1", "secret/a/2", "secret/b/1", "secret/b/2"]),
        ("1", 0, ["sample/1", "secret/a/1"]),
        ("3", 100, ["sample/1", "secret/a/1", "secret/a/2", "secret/b/1", "secret/b/2"]),
    ],
)
async def test_scoring_problem_gives_points(
    judge: Judge, tmp_path: Path, wrong: str, score: float, run: list[str]
) -> None:
    """Groups add up; what can't give points any more is not run; accepted is who passes all."""
    problem = write_package(tmp_path, SCORING)
    judgement = await judge.judge(problem, f"n = input()\nprint('no' if n == '{wrong}' else n)")
    assert judgement.score == score
    assert [test.name for test in judgement.tests] == run
    assert judgement.verdict == ("wrong_answer" if wrong else "accepted")
    assert judgement.tests_total == 5


async def test_included_files_stand_beside_the_program(judge: Judge, tmp_path: Path) -> None:
    """A driver takes the entry, and the submission in one piece another name; data is for all."""
    files = {
        "data/sample/1.ans": "9 data\n",
        "data/secret/1.ans": "100 data\n",
        "include/python3/main.py": "from solution import square\nn = int(input())\nprint(square(n), open('data.txt').read())\n",
        "include/python3/data.txt": "data",
        "include/default/data.txt": "other",
    }
    problem = write_package(tmp_path, files)
    judgement = await judge.judge(problem, "def square(n): return n * n")
    assert verdicts(judgement) == ["accepted", "accepted"]


async def test_arguments_and_files_of_a_test_reach_the_program(
    judge: Judge, tmp_path: Path
) -> None:
    """`args` of its group or its own, and what lies in NAME.files."""
    files = {
        "data/sample/1.ans": "a b 3\n",
        "data/secret/1.ans": "c 10 there\n",
        "data/sample/test_group.yaml": "args: [a, b]\n",
        "data/secret/1.yaml": "args: [c]\n",
        "data/secret/1.files/more.txt": "there",
    }
    code = """
import os, sys
print(*sys.argv[1:], input(), open("more.txt").read() if os.path.exists("more.txt") else "")
"""
    judgement = await judge.judge(write_package(tmp_path, files), code)
    assert verdicts(judgement) == ["accepted", "accepted"]
