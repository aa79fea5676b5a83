"""`make faults`: each fault of the list against a whole system of its own, and a table of it all."""

from __future__ import annotations

import argparse
import sys
import time

import trio

from tests.faults import (
    clients,
    clocks,
    crashes,
    hosts,
    load,
    network,
    queue,
    slow,
    stopped,
    store,
    supervision,
)
from tests.faults.fault import FAULTS
from tests.faults.run import as_json, play_all, summary

#: Each module puts its faults on the list; so they are all here.
FAMILIES = (
    clients,
    clocks,
    crashes,
    hosts,
    load,
    network,
    queue,
    slow,
    stopped,
    store,
    supervision,
)


def main() -> int:
    """Play what was asked for; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="these alone (default: all)")
    parser.add_argument("--jobs", type=int, default=4, help="so many at a time (default 4)")
    parser.add_argument("--json", action="store_true", help="the table for programs")
    options = parser.parse_args()
    chosen = [each for each in FAULTS if not options.numbers or each.number in options.numbers]
    chosen.sort(key=lambda each: each.number)
    begun = time.monotonic()
    outcomes = trio.run(lambda: play_all(chosen, options.jobs, show=not options.json))
    print(as_json(outcomes) if options.json else f"\n{summary(outcomes)}")
    failed = [each for each in outcomes if each.verdict == "FAILED"]
    absent = [each for each in outcomes if each.verdict == "not here"]
    print(
        f"{len(outcomes)} faults in {time.monotonic() - begun:.0f} s:"
        f" {len(failed)} failed, {len(absent)} could not be injected here",
        file=sys.stderr,
    )
    return 1 if failed or len(outcomes) < len(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
