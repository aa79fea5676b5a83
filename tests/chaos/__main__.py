"""`make chaos`: a long round, with a seed of its own or a given one."""

from __future__ import annotations

import argparse
import secrets
import sys
from pathlib import Path

from tests.chaos.run import Plan, run_chaos


def main() -> int:
    """Run one round and return 1 if anything was found wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long (default 600)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="repeat a round")
    parser.add_argument(
        "--sabotage", default="", choices=["", "repair", "token", "append"],
        help="take a guard out; the round must then find what is wrong",
    )  # fmt: skip
    parser.add_argument("--log", type=Path, help="where to put the daemons' log if it failed")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:g} s", flush=True)
    outcome = run_chaos(Plan(options.seconds, options.seed, options.sabotage))
    print(outcome.table())
    print(*outcome.wrong[:20], sep="\n")
    if outcome.wrong and options.log:
        options.log.write_text(outcome.log)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
