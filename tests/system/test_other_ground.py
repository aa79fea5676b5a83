"""The system on ground that lacks something: no compilers, a disk that can't be written, another's store.

What else belongs here is tried elsewhere: an ordinary user and a path with blanks in
`test_ordinary_user`, a port that is taken in `tests/daemons/cli/test_control`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import trustme

from judging.languages import load_languages
from tests.conftest import held_port, running_store
from tests.system.conftest import (
    GAVEL,
    ROOT,
    UNTESTED,
    WAIT_S,
    System,
    reference,
    started,
    submission,
)

#: Runs a command in a mount namespace of its own, after another one that changes what is there.
ELSEWHERE = ("unshare", "--mount", "--propagation", "private", "sh", "-euc")
#: Debian has these without any package that one would install for a judge.
EVERYWHERE = {"python", "bash", "awk", "perl"}
#: The set-up and the sources, without which there is no test either, can't be written.
READ_ONLY = (
    *ELSEWHERE,
    f"mount --bind '{ROOT}' '{ROOT}' && mount -o remount,bind,ro '{ROOT}' && exec \"$@\"",
    "sh",
)


def without_compilers() -> tuple[str, ...]:
    """Return what runs a command where no language but those of every machine has its tools."""
    programs = {
        place
        for language in load_languages().values()
        if language.id not in EVERYWHERE
        for places in language.programs.values()
        for place in places
    }
    found = {shutil.which(place) for place in programs} - {None}
    kept = {shutil.which(name) for name in ("python3", "bash", "sh", "awk", "perl")} - {None}
    hidden = {os.path.realpath(str(path)) for path in found}
    hidden -= {os.path.realpath(str(path)) for path in kept}
    # Nobody may execute it, so it is not found.
    masks = "".join(f"mount --bind /dev/null '{path}'\n" for path in sorted(hidden))
    return (*ELSEWHERE, f'{masks}exec "$@"', "sh")


def judged(system: System, code: str) -> str:
    """Return the verdict on a submission in Python."""
    with system.http() as http:
        answer = http.post("/submissions?wait=60", json=submission(code)).json()
    return str(answer["verdict"])


def refusal(http: httpx.Client, language: str) -> str:
    """Return in which words a submission in *language* is refused."""
    answer = http.post("/submissions", json=submission("code", language))
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == "language"
    return str(error["message"])


@pytest.fixture(scope="module")
def bare_machine() -> tuple[str, ...]:
    """Give what runs a command on a machine without compilers."""
    return without_compilers()


def test_machine_without_compilers_judges_what_it_can(bare_machine: tuple[str, ...]) -> None:
    """It starts, offers what it has, and tells who wants more what is missing and where to get it."""
    with (
        tempfile.TemporaryDirectory(prefix="gavel-") as folder,
        started(Path(folder), within=bare_machine, more=UNTESTED) as system,
    ):
        assert judged(system, reference("two-sum", "accepted", ".py")) == "accepted"
        with system.http() as http:
            offered = {each["id"] for each in http.get("/languages").json()["languages"]}
            assert "python" in offered
            assert offered <= EVERYWHERE
            for language, tool in (("cpp", "g++"), ("c", "gcc"), ("javascript", "node")):
                message = refusal(http, language)
                assert message.startswith(f"no worker offers {language!r} at the moment")
                assert f"needs for it: {tool}; Debian has it in " in message
            assert "Debian has it in default-jdk-headless" in refusal(http, "java")


def test_machine_without_compilers_names_what_to_install(bare_machine: tuple[str, ...]) -> None:
    """`gavel languages` tells of each language that is not offered what it lacks."""
    done = subprocess.run(
        [*bare_machine, GAVEL, "languages", "--json"],
        capture_output=True, text=True, timeout=WAIT_S, check=True,
    )  # fmt: skip

    rows = {row["id"]: row for row in json.loads(done.stdout)["languages"]}
    assert {id_ for id_, row in rows.items() if row["offered"]} <= EVERYWHERE
    assert rows["cpp"]["reason"] == "not found: g++; Debian has it in g++"
    assert rows["java"]["reason"].endswith("Debian has it in default-jdk-headless")


def test_checkout_that_cannot_be_written_serves_from_it() -> None:
    """Sources, set-up and problems are only read; what is written lies beside the configuration."""
    with (
        tempfile.TemporaryDirectory(prefix="gavel-") as folder,
        started(Path(folder), within=READ_ONLY, more=UNTESTED) as system,
    ):
        # Seen from inside: the checkout is what it is said to be.
        inside = Path(f"/proc/{system.pid('worker')}/root{ROOT}")
        assert os.statvfs(inside).f_flag & os.ST_RDONLY
        assert judged(system, reference("two-sum", "accepted", ".py")) == "accepted"


@pytest.mark.parametrize("store", ["embedded", "redis://127.0.0.1:1"])
def test_folder_that_cannot_be_written_is_one_line(store: str) -> None:
    """`gavel up` in it names the folder, and the settings that name others."""
    with tempfile.TemporaryDirectory(prefix="gavel-") as name:
        Path(name, "supervisor.toml").write_text(
            f'[store]\nurl = "{store}"\n[problems]\ndirs = []\n'
        )
        within = [part.replace(str(ROOT), name) for part in READ_ONLY]
        done = subprocess.run(
            [*within, GAVEL, "up", "--config", f"{name}/supervisor.toml"],
            capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip

    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert f"{name}/var" in line
    assert "Read-only file system" in line
    assert "[store] dir, [worker] cache_dir and [supervisor] control say" in line


def tls_options(folder: Path, port: int) -> tuple[str, ...]:
    """Return what has a Redis listen with TLS and want a password, its authority's file in *folder*."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    pem = folder / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(pem))
    return (
        *("--tls-port", str(port), "--tls-cert-file", str(pem), "--tls-key-file", str(pem)),
        *("--tls-ca-cert-file", str(folder / "ca.pem"), "--tls-auth-clients", "no"),
        *("--requirepass", "s3cret"),
    )


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[str]:
    """Give the address of Debian's Redis, with a password and over TLS."""
    with held_port() as port, running_store(*tls_options(tmp_path, port), server="redis"):
        yield f"rediss://:s3cret@localhost:{port}?ssl_ca_certs={tmp_path}/ca.pem"


def test_debians_redis_with_password_over_tls(guarded_redis: str) -> None:
    """All daemons reach it, a verdict comes, and its password stands nowhere in the log."""
    with (
        tempfile.TemporaryDirectory(prefix="gavel-") as folder,
        started(Path(folder), store=f'url = "{guarded_redis}"', more=UNTESTED) as system,
    ):
        found: dict[str, Any] = system.status()
        assert "store" not in found["daemons"]
        assert judged(system, reference("two-sum", "accepted", ".py")) == "accepted"
        assert "s3cret" not in system.log()
