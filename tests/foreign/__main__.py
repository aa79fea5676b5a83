"""`make packages`: packages that no one here wrote load, and are judged as their authors meant.

First `gavel problems verify` over all of them, then every labelled submission of theirs and of our
own packages again, by HTTP against a running system, whose verdicts come over the gateway.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import msgspec
import trio

from daemons.cli.verify import Case, Finding
from judging.package import load_problems
from tests.foreign.expectation import Expectation, read_expectation, tell
from tests.foreign.over_http import submit_all
from tests.foreign.sources import unpack_packages
from tests.system.conftest import GAVEL, ROOT, started

VERIFY_S = 1800.0
#: Both parts compile into one folder, so that the second compiles nothing again.
CACHE = '\ncache_dir = "{folder}/cache"'
SLOTS = "\nslots = 2"


def main() -> int:
    """Return 1 if anything is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.foreign", description=__doc__)
    parser.add_argument("archives", type=Path, help="the folder with the sources of the tools")
    parser.add_argument("--show", action="store_true", help="a line for each submission")
    parser.add_argument("--part", choices=("verify", "http"), help="this part alone")
    parser.add_argument("--only", metavar="GLOB", default="*", help="submissions over HTTP")
    options = parser.parse_args()
    expectation = read_expectation()
    with tempfile.TemporaryDirectory(prefix="gavel-packages-") as name:
        folder = Path(name)
        problems = folder / "problems"
        foreign = unpack_packages(options.archives, problems)
        catalogue = load_problems([problems])
        refused = {path.name: str(error) for path, error in catalogue.errors.items()}
        print(f"{len(foreign)} packages, {len(catalogue)} load, {len(refused)} are refused")
        wrong = list(expectation.wrong_packages(refused))
        if options.part != "http":
            wrong += _verify(folder, expectation, options.show)
        if options.part != "verify":
            wrong += _submit(folder, expectation, options.only, options.show)
    print(*wrong, f"{len(wrong)} not as expected", sep="\n")
    return 1 if wrong else 0


def _verify(folder: Path, expectation: Expectation, show: bool) -> list[str]:
    """Return what `gavel problems verify` finds wrong in the packages of *folder*."""
    config = folder / "supervisor.toml"
    config.write_text(f'[problems]\ndirs = ["problems"]\n[worker]{CACHE.format(folder=folder)}\n')
    begun = time.monotonic()
    done = subprocess.run(
        [str(GAVEL), "problems", "verify", "--json", "--config", str(config)],
        stdout=subprocess.PIPE, stderr=None if show else subprocess.DEVNULL,
        timeout=VERIFY_S, check=False,
    )  # fmt: skip
    findings = msgspec.json.decode(done.stdout, type=list[Finding])
    inputs = [each for each in findings if each.is_inputs]
    submissions = [each for each in findings if not each.is_inputs]
    valid = sum(each.verdict is not None for each in inputs)
    print(f"gavel problems verify, {time.monotonic() - begun:.0f} s: {tell(submissions)}")
    print(f"inputs of {valid} packages checked, {len(inputs) - valid} not")
    refused = [f"{each.submission}: {each.note}" for each in inputs if each.wrong]
    return refused + list(expectation.wrong_findings(submissions))


def _submit(folder: Path, expectation: Expectation, only: str, show: bool) -> list[str]:
    """Return what is wrong with the verdicts that a running system gives."""
    problems = folder / "problems"
    shutil.copytree(ROOT / "problems", problems, dirs_exist_ok=True)
    catalogue = load_problems([problems])
    known = [Case(problem, each) for problem in catalogue.values() for each in problem.submissions]
    cases = [case for case in known if fnmatchcase(case.name, only)]
    begun = time.monotonic()
    with started(folder, problems=problems, worker=SLOTS + CACHE.format(folder=folder)) as system:
        findings = trio.run(partial(submit_all, system, cases, show=show))
    print(f"over HTTP and the gateway, {time.monotonic() - begun:.0f} s: {tell(findings)}")
    return list(expectation.wrong_findings(findings, whole=len(cases) == len(known)))


if __name__ == "__main__":
    sys.exit(main())
