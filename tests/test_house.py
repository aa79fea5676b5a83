"""The rules of the house, checked on every file: who may import whom, how long things may be.

Each rule is a function from a file to what is wrong with it. `test_rule_bites` feeds every rule a
bad file, so that a rule which has gone blind shows.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePath

import pytest

ROOT = Path(__file__).parent.parent
MAX_FUNCTION_LINES = 60
MAX_MODULE_LINES = 400

#: Modules directly in `daemons/`: shared by all of them, dependent on none.
SHARED = frozenset({"config", "crashpoints", "logs", "metrics", "service", "tokens"})

#: Who may import whom. A room not named here may not exist, so a new one starts with its arrows.
ARROWS: dict[str, frozenset[str]] = {
    "protocol": frozenset(),
    "sandbox": frozenset(),
    "judging": frozenset(),
    "daemons": frozenset({"protocol"}),
    "daemons.broker": frozenset({"protocol", "daemons"}),
    "daemons.problems": frozenset({"judging", "daemons"}),
    "daemons.worker": frozenset(
        {"protocol", "sandbox", "judging", "daemons.broker", "daemons.problems", "daemons"}
    ),
    "daemons.api": frozenset(
        {"protocol", "judging", "daemons.broker", "daemons.problems", "daemons"}
    ),
    "daemons.gateway": frozenset({"protocol", "daemons.broker", "daemons"}),
    "daemons.supervisor": frozenset({"protocol", "daemons.broker", "daemons"}),
}
#: Nothing imports these, so they may import everything.
OUTERMOST = frozenset({"daemons.cli", "benchmarks", "tests"})
ROOMS = frozenset(ARROWS) | OUTERMOST

#: What a pure room may not touch: loop, socket, clock, chance, file, process, environment.
_IMPURE = (
    {"trio", "asyncio", "threading", "multiprocessing", "subprocess", "signal"}
    | {"socket", "ssl", "select", "selectors", "time", "random", "secrets"}
    | {"os", "pathlib", "shutil", "tempfile"}
)
FORBIDDEN: dict[str, set[str]] = {
    "protocol": _IMPURE | {"redis", "hiredis", "open()"},
    # Judging reads packages from disk; nothing else of the world is its business.
    "judging": _IMPURE - {"os", "pathlib"} | {"redis", "hiredis"},
    "sandbox": {"redis", "hiredis", "quart", "hypercorn", "trio_websocket", "httpx2"},
}
#: Libraries with one owner: nobody else talks to Redis.
OWNERS = {"redis": "daemons.broker", "hiredis": "daemons.broker"}

_SKIPPED = re.compile(
    r"\.git|\.venv.*|\.hypothesis|\.\w+_cache|__pycache__|var|build|node_modules|.+\.egg-info"
)
#: Programs that people submit, and hostile ones: data here, not code of ours.
_FOREIGN = re.compile(r"^(problems|sandbox/attacks|tests/sandbox/programs)/")

#: Patterns are written so that they do not match themselves.
_MACHINE = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.]org|deb[.]debian|[.]pyenv|/home/[a-z]\w*/"
    r"|/work/(?:main|shared|[.]library)"
)
_BAD_MODULE = re.compile(r"^(utils?|helpers?|common|misc|stuff)$")
_BAD_CLASS = re.compile(r"(Manager|Helper|Utils?)$")
_COMMENT = {".lua": "--", ".c": ("/*", "//"), ".sh": "#!"}

Rule = Callable[[PurePath, str], Iterator[str]]


def house_files() -> Iterator[tuple[PurePath, str]]:
    """Yield every text file of the project, with its path from the root."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not _SKIPPED.fullmatch(name))
        for path in (Path(folder) / name for name in sorted(names)):
            # Whoever works beside us may just be saving a file.
            with suppress(UnicodeDecodeError, FileNotFoundError):
                yield path.relative_to(ROOT), path.read_text()


def room_of(dotted: str) -> str | None:
    """Return the innermost room that *dotted* lies in, or None if it is not ours."""
    parts = dotted.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS), None)


def imports(path: PurePath, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of whatever *tree* imports, also late and by function."""
    package = list(path.parent.parts)
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom():
                above = package[: len(package) - node.level + 1] if node.level else []
                base = [*above, node.module] if node.module else above
                yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="__import__")):
                match node.args:
                    case [ast.Constant(value=str(name)), *_]:
                        yield node.lineno, name


def follow_arrows(path: PurePath, source: str) -> Iterator[str]:
    """Report imports that go against `ARROWS`, and modules that stand in no room."""
    if path.suffix != ".py" or path.parts[0] in OUTERMOST:
        return
    own = room_of(".".join(path.with_suffix("").parts))
    unshared = path.parts[0] == "daemons" and (len(path.parts) != 2 or path.stem not in SHARED)
    if own is None or (own == "daemons" and unshared and path.stem != "__init__"):
        yield f"{path}: stands in no room; give it one in ARROWS"
        return
    if own in OUTERMOST:
        return
    for line, name in imports(path, ast.parse(source)):
        target = room_of(name)
        if target not in (None, own) and target not in ARROWS[own]:
            yield f"{path}:{line}: {own} may not import {name}"


def stay_pure(path: PurePath, source: str) -> Iterator[str]:
    """Report what a room imports or opens although it must not touch the world."""
    own = room_of(".".join(path.with_suffix("").parts))
    if path.suffix != ".py" or own is None or own in ("tests", "benchmarks"):
        return
    forbidden = FORBIDDEN.get(own, set())
    tree = ast.parse(source)
    for line, name in imports(path, tree):
        top = name.partition(".")[0]
        if top in forbidden or OWNERS.get(top, own) != own:
            yield f"{path}:{line}: {own} may not use {top}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and f"{node.id}()" in forbidden:
            yield f"{path}:{node.lineno}: {own} may not use {node.id}"


def keep_functions_short(path: PurePath, source: str) -> Iterator[str]:
    """Report functions whose lines, docstring not counted, are too many."""
    if path.suffix != ".py":
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines"


def keep_modules_short(path: PurePath, source: str) -> Iterator[str]:
    """Report modules of too many lines."""
    lines = source.count("\n")
    # The store loads its scripts as one library: one text, however long.
    if path.suffix in (".py", ".c") and lines > MAX_MODULE_LINES:
        yield f"{path}: has {lines} lines"


def tell_the_purpose(path: PurePath, source: str) -> Iterator[str]:
    """Report modules whose first line does not say what they are for."""
    first = source.partition("\n")[0]
    mark = _COMMENT.get(path.suffix, "")
    if path.suffix == ".py":
        docstring = ast.get_docstring(ast.parse(source)) or ""
        if not docstring.partition("\n")[0].endswith((".", "!", "?")):
            yield f"{path}: the first line is no sentence about the module"
    elif mark and not first.startswith(mark):
        yield f"{path}: the first line is no comment about the file"


def name_things(path: PurePath, source: str) -> Iterator[str]:
    """Report modules and classes whose name says nothing."""
    if path.suffix != ".py":
        return
    if _BAD_MODULE.match(path.stem) or _BAD_MODULE.match(path.parent.name):
        yield f"{path}: a module's name says what is in it"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and _BAD_CLASS.search(node.name):
            yield f"{path}:{node.lineno}: {node.name} says nothing; what does it hold or do?"


def name_no_machine(path: PurePath, source: str) -> Iterator[str]:
    """Report download addresses and paths of somebody's machine."""
    for number, line in enumerate(source.splitlines(), 1):
        if found := _MACHINE.search(line):
            yield f"{path}:{number}: names {found[0]}"


def pin_requirements(path: PurePath, source: str) -> Iterator[str]:
    """Report requirements without an exact version, or with an address."""
    if not (path.name.startswith("requirements") and path.suffix == ".txt"):
        return
    for number, line in enumerate(source.splitlines(), 1):
        if line and not re.fullmatch(r"#.*|[\w.-]+==[\w.]+(; [\w<>=!\". ]+)?", line):
            yield f"{path}:{number}: not `name==version`: {line}"


def mirror_the_tree(path: PurePath, source: str) -> Iterator[str]:
    """Report tests whose folder belongs to no room."""
    del source
    inner = path.parts[1:-1]
    if path.parts[0] != "tests" or not path.name.startswith("test_") or not inner:
        return
    if (
        inner[0] not in ("system", "chaos", "faults", "foreign")
        and not ROOT.joinpath(*inner).is_dir()
    ):
        yield f"{path}: there is no room {'/'.join(inner)}"


PYTHON_RULES: tuple[Rule, ...] = (
    follow_arrows,
    stay_pure,
    keep_functions_short,
    keep_modules_short,
    tell_the_purpose,
    name_things,
    mirror_the_tree,
)
TEXT_RULES: tuple[Rule, ...] = (name_no_machine, pin_requirements)


@pytest.fixture(scope="module")
def files() -> list[tuple[PurePath, str]]:
    """Return all files of the project, read once."""
    found = list(house_files())
    assert len(found) > 20, f"{ROOT} is not the project"
    return found


@pytest.mark.parametrize("rule", PYTHON_RULES + TEXT_RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(rule: Rule, files: list[tuple[PurePath, str]]) -> None:
    """The rule has nothing to report on any file."""
    own = [
        (path, source)
        for path, source in files
        if rule in TEXT_RULES or not _FOREIGN.match(str(path))
    ]
    reports = [report for path, source in own for report in rule(path, source)]
    assert not reports, "\n".join(["", *reports])


LONG_DOCSTRING = 'def f():\n    """' + "\n" * 99 + '"""\n'
LONG_FUNCTION = "def long():\n" + "    x = 1\n" * MAX_FUNCTION_LINES
BITES: tuple[tuple[Rule, str, str, str], ...] = (
    (follow_arrows, "protocol/x.py", "import daemons.config", "protocol may not import"),
    (follow_arrows, "sandbox/x.py", "from protocol.messages import Verdict", "sandbox may not"),
    (follow_arrows, "sandbox/cgroup/x.py", "from judging import package", "sandbox may not"),
    (follow_arrows, "judging/x.py", "def f():\n    import sandbox", "judging may not"),
    (follow_arrows, "daemons/broker/x.py", "import judging", "daemons.broker may not"),
    (follow_arrows, "daemons/api/x.py", "import sandbox.run", "daemons.api may not"),
    (follow_arrows, "daemons/api/x.py", "from daemons import worker", "daemons.api may not"),
    (follow_arrows, "daemons/api/x.py", "from .. import gateway", "import daemons.gateway"),
    (follow_arrows, "daemons/api/x.py", "from ..worker.slot import y", "import daemons.worker"),
    (follow_arrows, "daemons/gateway/x.py", "import judging", "daemons.gateway may not"),
    (follow_arrows, "daemons/supervisor/x.py", "import daemons.api.main", "supervisor may not"),
    (follow_arrows, "daemons/worker/x.py", "import daemons.cli.main", "daemons.worker may not"),
    (follow_arrows, "daemons/config.py", "import daemons.broker", "daemons may not"),
    (follow_arrows, "daemons/api/x.py", "importlib.import_module('sandbox')", "import sandbox"),
    (follow_arrows, "daemons/stray.py", "", "stands in no room"),
    (follow_arrows, "stray/x.py", "", "stands in no room"),
    (stay_pure, "protocol/x.py", "import trio", "protocol may not use trio"),
    (stay_pure, "protocol/x.py", "from os import environ", "protocol may not use os"),
    (stay_pure, "protocol/x.py", "from time import time", "protocol may not use time"),
    (stay_pure, "protocol/x.py", "f = open('x')", "protocol may not use open"),
    (stay_pure, "judging/x.py", "import socket", "judging may not use socket"),
    (stay_pure, "sandbox/x.py", "import redis", "sandbox may not use redis"),
    (stay_pure, "daemons/api/x.py", "from redis import commands", "may not use redis"),
    (keep_functions_short, "sandbox/x.py", LONG_FUNCTION, "long has 61 lines"),
    (keep_functions_short, "sandbox/x.py", "async " + LONG_FUNCTION, "long has 61 lines"),
    (keep_modules_short, "sandbox/x.py", "\n" * (MAX_MODULE_LINES + 1), "401 lines"),
    (tell_the_purpose, "sandbox/x.py", "import ast", "first line"),
    (tell_the_purpose, "daemons/broker/x.lua", "local x = 1", "first line"),
    (name_things, "judging/utils.py", "", "a module's name"),
    (name_things, "judging/helpers/x.py", "", "a module's name"),
    (name_things, "judging/x.py", "class QueueManager: ...", "QueueManager says nothing"),
    (name_no_machine, "README.md", "x\nsee pypi" + ".org/simple", "README.md:2: names"),
    (name_no_machine, "docs/x.md", "cd /home/" + "me/gavel", "names"),
    (pin_requirements, "requirements.txt", "trio>=0.35", "not `name==version`"),
    (pin_requirements, "requirements-x.txt", "trio @ git+x", "not `name==version`"),
    (mirror_the_tree, "tests/attic/test_x.py", "", "no room attic"),
)


@pytest.mark.parametrize(("rule", "path", "source", "expected"), BITES)
def test_rule_bites(rule: Rule, path: str, source: str, expected: str) -> None:
    """A file that breaks the rule is reported, once."""
    reports = list(rule(PurePath(path), source))
    assert len(reports) == 1
    assert expected in reports[0]


ALLOWED: tuple[tuple[Rule, str, str], ...] = (
    (follow_arrows, "protocol/x.py", "from protocol.messages import Verdict\nimport json"),
    (follow_arrows, "daemons/worker/x.py", "import sandbox, judging, protocol.keys"),
    (follow_arrows, "daemons/worker/x.py", "from daemons import broker, config"),
    (follow_arrows, "daemons/api/x.py", "from ..broker.queue import y\nfrom . import errors"),
    (follow_arrows, "daemons/cli/x.py", "import daemons.worker.main, sandbox"),
    (follow_arrows, "daemons/service.py", "import daemons.logs"),
    (stay_pure, "judging/x.py", "from pathlib import Path\nPath('x').open()"),
    (stay_pure, "daemons/broker/x.py", "import redis, trio"),
    (keep_functions_short, "x.py", LONG_DOCSTRING + "    x = 1\n" * 59),
    (tell_the_purpose, "sandbox/x.py", '"""Say what."""'),
    (pin_requirements, "requirements.txt", 'quart==0.22.0; python_version < "3.13"\n\n# why'),
)


@pytest.mark.parametrize(("rule", "path", "source"), ALLOWED)
def test_rule_lets_good_files_pass(rule: Rule, path: str, source: str) -> None:
    """A file that keeps the rule is not reported."""
    assert list(rule(PurePath(path), source)) == []


def test_package_list_equals_the_tree() -> None:
    """Every package is named in pyproject.toml, and every named one is there."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    rooms = ("protocol", "sandbox", "judging", "daemons")
    in_tree = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in rooms
        for path in ROOT.joinpath(room).rglob("*.py")
        if not _FOREIGN.match(str(path.relative_to(ROOT)))
    }
    assert set(declared["packages"]) == in_tree


def test_package_data_covers_every_file() -> None:
    """A file beside the modules of a package is installed with it."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    forgotten = [
        str(path.relative_to(ROOT))
        for package in declared["packages"]
        for path in ROOT.joinpath(*package.split(".")).iterdir()
        if path.is_file() and path.suffix != ".py"
        if not any(path.match(glob) for glob in declared["package-data"].get(package, []))
    ]
    assert forgotten == []
