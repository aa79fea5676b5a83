"""The documents tell the truth: their commands run, their links and file names lead somewhere.

In a document a block marked `sh` is a script that works as it stands, after the blocks above it. A
`text` block behind it is what it prints, with `...` for whatever differs from time to time. `sh
endless` is something that goes on until the reader stops it. Blocks that nobody should run here
(they install, or run this suite) are marked `console`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from protocol import keys
from protocol.frames import CloseCode
from protocol.lifecycle import state_diagram

ROOT = Path(__file__).parent.parent
BIN = Path(sys.prefix) / "bin"
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)
LANGUAGES = {
    "sh",
    "sh endless",
    "text",
    "console",
    "json",
    "toml",
    "python",
    "mermaid",
    "yaml",
    "html",
}
#: Where a document's reader has files that are not the project's: his own, and those of a package.
MADE_LATER = (
    *("var/", ".venv/"),
    *("data/", "statement/", "submissions/", "attachments/", "include/"),
    *("input_validators/", "output_validator/"),
)
START_S = 120.0
COMMAND_S = 300.0
STOP_S = 120.0

CONFIG = """
[store]
listen = ""
[api]
listen = "127.0.0.1:0"
[gateway]
listen = "127.0.0.1:0"
"""


class Example(NamedTuple):
    """A script of a document, the line it stands on, and what it prints if that is told."""

    line: int
    script: str
    endless: bool
    printed: str | None


def read_tokens(markdown: str) -> list[Token]:
    """Return the document's tokens, those within lines too."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [inner for token in tokens for inner in (token, *(token.children or []))]


def read_examples(markdown: str) -> list[Example]:
    """Return the scripts of a document in order, each with the output told behind it."""
    found: list[Example] = []
    fences = [token for token in read_tokens(markdown) if token.type == "fence"]
    for before, token in zip([None, *fences], fences, strict=False):
        language = token.info.strip()
        if language in ("sh", "sh endless"):
            line = (token.map or [0])[0] + 1
            found.append(Example(line, token.content, language != "sh", None))
        elif language == "text" and before is not None and before.info.startswith("sh"):
            found[-1] = found[-1]._replace(printed=token.content)
    return found


def is_printed(told: str, output: str) -> bool:
    """Tell whether *output* is what was *told*, `...` standing for anything."""
    pattern = ".*?".join(re.escape(part.strip("\n")) for part in told.strip().split("..."))
    return re.fullmatch(rf"\s*{pattern}\s*", output, re.DOTALL) is not None


class House:
    """A running system in a folder of its own, as the reader of a document has it before him."""

    def __init__(self, folder: Path, log: Path, status: dict[str, object]) -> None:
        self.folder = folder
        self.log = log
        daemons = status["daemons"]
        assert isinstance(daemons, dict)
        #: The addresses that the documents name, and what they are here.
        self.addresses = {
            "127.0.0.1:8000": daemons["api"]["listen"][0],
            "127.0.0.1:8001": daemons["gateway"]["listen"][0],
        }
        #: What `gavel submit` would read from the configuration, were the ports fixed there.
        self.environment = {
            "GAVEL_SERVER": f"http://{daemons['api']['listen'][0]}",
            "GAVEL_GATEWAY": f"ws://{daemons['gateway']['listen'][0]}",
        }

    def localize(self, script: str) -> str:
        """Return *script* with the addresses that hold here."""
        for told, here in self.addresses.items():
            script = script.replace(told, here)
        return script

    def tell(self, output: str) -> str:
        """Return *output* with the addresses of the documents."""
        for told, here in self.addresses.items():
            output = output.replace(here, told)
        return output

    def start(self, script: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start *script* in bash, in a session of its own."""
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", self.localize(script)],
            cwd=self.folder,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            start_new_session=True,
        )


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End *process* and what it started as Ctrl-C would, and wait for it."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def wait_until_ready(
    config: Path, process: subprocess.Popen[bytes], log: Path
) -> dict[str, object]:
    """Ask `gavel status` until everything is ready, and return what it says."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        asked = subprocess.run(
            [BIN / "gavel", "status", "--json", "--config", config],
            capture_output=True,
            check=False,
            timeout=COMMAND_S,
        )
        if asked.returncode == 0 and (status := json.loads(asked.stdout))["ready"]:
            assert isinstance(status, dict)
            return status
        time.sleep(0.05)
    raise AssertionError(f"`make run` did not get ready:\n{log.read_text()}")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Give what `make run` starts, on free ports."""
    # A short path: the control socket's address has room for 107 bytes.
    with tempfile.TemporaryDirectory(prefix="gavel-docs-") as name:
        folder, log = Path(name), Path(name) / "make-run.log"
        config = folder / "supervisor.toml"
        config.write_text(CONFIG)
        # A copy, for the tutorial adds to it.
        shutil.copytree(ROOT / "problems", folder / "problems")
        (folder / ".venv").symlink_to(sys.prefix)
        make = ["make", "-C", str(ROOT), "--no-print-directory", "run"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*make, f"VENV={folder}/.venv", f"ARGS=--config {config}"],
                # The document shows what stands on a terminal.
                env=os.environ | {"GAVEL_LOG": "readable"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with ended(process):
            yield House(folder, log, wait_until_ready(config, process, log))


def run_to_its_end(house: House, example: Example, where: str) -> None:
    """Run a script, which must succeed and print what is told."""
    with tempfile.TemporaryFile() as output:
        process = house.start(example.script, output)
        with ended(process):
            assert process.wait(COMMAND_S) == 0, where
        output.seek(0)
        printed = house.tell(output.read().decode())
    assert example.printed is None or is_printed(example.printed, printed), f"{where}:\n{printed}"


def wait_until_printed(house: House, told: str, output: Path, where: str) -> None:
    """Wait until an endless script has printed what is told."""
    deadline = time.monotonic() + COMMAND_S
    while not is_printed(told, house.tell(output.read_text())):
        assert time.monotonic() < deadline, f"{where}:\n{output.read_text()}"
        time.sleep(0.05)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_work_as_told(document: str, house: House) -> None:
    """Each script of a document runs after those above it and prints what the document tells."""
    endless: list[tuple[str, str, Path]] = []
    with ExitStack() as stack:
        for example in read_examples((ROOT / document).read_text()):
            where = f"{document}:{example.line}"
            if example.script.strip() == "make run":
                endless.append((example.printed or "...", where, house.log))
            elif example.endless:
                path = house.folder / f"{Path(document).stem}-{example.line}.out"
                process = house.start(example.script, stack.enter_context(path.open("wb")))
                stack.enter_context(ended(process))
                endless.append((example.printed or "...", where, path))
            else:
                run_to_its_end(house, example, where)
        for told, where, path in endless:
            wait_until_printed(house, told, path, where)


def test_readme_has_the_commands_to_begin_with() -> None:
    """The README starts the system, submits, and watches: all of it is run by the test above."""
    scripts = " ".join(
        example.script for example in read_examples((ROOT / "README.md").read_text())
    )
    for needed in ("make run", "gavel submit", "gavel watch", "curl "):
        assert needed in scripts


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_say_what_they_are(document: str) -> None:
    """A block marked otherwise would be a script that no test runs."""
    fences = [
        token for token in read_tokens((ROOT / document).read_text()) if token.type == "fence"
    ]
    assert {token.info.strip() for token in fences} <= LANGUAGES


def read_tables(document: str) -> list[list[list[str]]]:
    """Return the tables of a document: rows of cells, the headings first."""
    tables: list[list[list[str]]] = []
    for token, after in pairwise(read_tokens((ROOT / document).read_text())):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type in ("th_open", "td_open"):
            tables[-1][-1].append(after.content.replace("\\|", "|").strip("`"))
    return tables


def test_diagram_is_the_table_of_the_life_cycle() -> None:
    """The picture of a submission's life is made from the table that the code uses."""
    fences = read_tokens((ROOT / "docs/protocol.md").read_text())
    assert [token.content for token in fences if token.info == "mermaid"] == [state_diagram()]


def test_protocol_names_every_script_and_close_code() -> None:
    """A script or a close code that is new or gone shows in the document, too."""
    tables = {rows[0][0]: [row[0] for row in rows[1:]] for rows in read_tables("docs/protocol.md")}
    library = (ROOT / "daemons/broker/library.lua").read_text()
    entries = library.partition("local scripts = {")[2].partition("}")[0]
    assert sorted(tables["script"]) == sorted(re.findall(r"(\w+) = ", entries))
    assert tables["code"] == [str(code.value) for code in CloseCode]


def test_protocol_names_keys_as_the_code_does() -> None:
    """A key in the document's table is one of the table in the code, with the same type."""
    (rows,) = (rows for rows in read_tables("docs/protocol.md") if rows[0][0] == "key")
    documented = dict(re.findall(r"^``(\S+)`` +(\w+)", keys.__doc__ or "", re.MULTILINE))
    for name, kind, _ in rows[1:]:
        assert documented[name.replace("<queue>", "<name>")] == kind


def test_tutorial_shows_a_language_as_it_is() -> None:
    """Who adds a language begins with the one that the tutorial shows: it is a file of ours."""
    fences = read_tokens((ROOT / "docs/tutorial.md").read_text())
    (shown,) = [token.content for token in fences if token.info == "toml"]
    assert shown == (ROOT / "judging/languages/lua.toml").read_text()


def anchors(markdown: str) -> set[str]:
    """Return the anchors of a document's headings, as code hosts make them."""
    tokens = read_tokens(markdown)
    headings = [
        after.content.lower() for token, after in pairwise(tokens) if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """A link within the project names a file that is there, and a heading that is in it."""
    folder = (ROOT / document).parent
    targets = {
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in read_tokens((ROOT / document).read_text())
        if token.type in ("link_open", "image")
    }
    dead = []
    for target in (target for target in targets if "://" not in target):
        name, _, anchor = target.partition("#")
        path = folder / name if name else ROOT / document
        if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_files_exist(document: str) -> None:
    """A file of the project that a document names in code is there."""
    named = {
        token.content
        for token in read_tokens((ROOT / document).read_text())
        if token.type == "code_inline"
        if re.fullmatch(r"(\.?[\w-]+/)+[\w.-]*|[\w-]+\.(py|toml|md|lua)", token.content)
    }
    made_later = {name for name in named if name.startswith(MADE_LATER)}
    missing = [
        name
        for name in named - made_later
        if not any(base.joinpath(name).exists() for base in (ROOT, (ROOT / document).parent))
        if "/" in name or not any(ROOT.glob(f"[!.]*/**/{name}"))
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("told", "output", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
        ("a\n...\n", "a\nb\nc\n", True),
        ("a ... c", "a b c", True),
        ('{"id":"...","n":1}', '{"id":"x","n":2}', False),
        ("...ready...", "x\nready at\n", True),
        ("...ready...", "not yet\n", False),
        ("(a.c)", "(abc)", False),
    ],
)
def test_printed_output_is_compared_strictly(told: str, output: str, *, same: bool) -> None:
    """Only `...` is a wildcard: a document can't be wrong and still agree."""
    assert is_printed(told, output) is same


def test_examples_are_found_with_their_output() -> None:
    """A `text` block belongs to the script right before it, other blocks to none."""
    markdown = (
        "```sh\na\n```\nprints\n```text\nb\n```\n```text\nc\n```\n"
        "```sh endless\nd\n```\n```console\ne\n```\n```text\nf\n```\n"
    )
    assert read_examples(markdown) == [
        Example(1, "a\n", False, "b\n"),
        Example(11, "d\n", True, None),
    ]
