"""`gavel logs SUBMISSION`: one submission's story, from the log files of all daemons."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from daemons.cli.options import config_option
from daemons.config import Config
from protocol.keys import partition_of_submission

_HEAD = ("timestamp", "daemon", "pid", "level", "event", "submission")

Line = dict[str, Any]


@click.command()
@click.argument("submission_id", metavar="SUBMISSION")
@click.option("--json", "as_json", is_flag=True, help="The lines as they were written.")
@config_option
def logs(submission_id: str, config: Config, *, as_json: bool) -> None:
    """Tell what the daemons of this machine have logged of SUBMISSION, in order of time.

    Reads the files in [supervisor] log_dir, those put aside too.

    Exit code: 0, 1 when nothing is known of it, 2 wrong usage.
    """
    if partition_of_submission(submission_id) is None:
        raise click.UsageError(f"{submission_id!r} is no id of a submission; it has 26 characters")
    if not config.supervisor.log_dir:
        raise click.UsageError('no log files are kept; set [supervisor] log_dir = "var/log"')
    folder = config.path(config.supervisor.log_dir)
    files = sorted(folder.glob("*.log*"))
    if not files:
        raise click.UsageError(f"{folder}: no log files; `gavel up` writes them")
    found = (line for file in files for line in _lines_with(file, submission_id))
    lines = sorted(found, key=lambda line: str(line["timestamp"]))
    for line in lines:
        click.echo(json.dumps(line) if as_json else _tell(line))
    if not lines:
        click.echo(f"gavel: {folder} tells nothing of {submission_id}", err=True)
    sys.exit(0 if lines else 1)


def _lines_with(file: Path, needle: str) -> Iterator[Line]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            # Among them may be what a program printed, or a line cut by a full disk.
            with suppress(ValueError):
                if needle in line and "timestamp" in (document := json.loads(line)):
                    yield document


def _tell(line: Line) -> str:
    more = " ".join(f"{name}={value}" for name, value in line.items() if name not in _HEAD)
    level = "" if line.get("level") == "info" else f"{line.get('level')}: "
    speaker = f"{line.get('daemon')}[{line.get('pid')}]"
    return f"{line['timestamp']} {speaker:<16} {level}{line.get('event')} {more}".rstrip()
