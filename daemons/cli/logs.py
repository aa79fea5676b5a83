"""`gavel logs ID`: the story of a submission or a request, from the log files of all daemons."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from daemons.cli.options import config_option
from daemons.config import Config
from protocol.keys import partition_of_submission

#: As answers of the API carry it in X-Request-Id.
_REQUEST = re.compile(r"[0-9a-f]{16}")
_HEAD = ("timestamp", "daemon", "pid", "level", "event", "submission")

Line = dict[str, Any]


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="The lines as they were written.")
@config_option
def logs(id_: str, config: Config, *, as_json: bool) -> None:
    """Tell what the daemons of this machine have logged of the submission ID, in order of time.

    ID may also be a request's, from the header X-Request-Id of its answer: then what became of the
    submission that it was about is told, too. Reads the files in [supervisor] log_dir, those put
    aside too.

    Exit code: 0, 1 when nothing is known of it, 2 wrong usage.
    """
    if partition_of_submission(id_) is None and not _REQUEST.fullmatch(id_):
        raise click.UsageError(
            f"{id_!r} is no id of a submission, which has 26 characters, nor of a request, 16"
        )
    if not config.supervisor.log_dir:
        raise click.UsageError('no log files are kept; set [supervisor] log_dir = "var/log"')
    folder = config.path(config.supervisor.log_dir)
    files = sorted(folder.glob("*.log*"))
    if not files:
        raise click.UsageError(f"{folder}: no log files; `gavel up` writes them")
    lines = _lines_with(files, {id_})
    if _REQUEST.fullmatch(id_):
        lines = _lines_with(files, {id_, *(str(each.get("submission", id_)) for each in lines)})
    for line in lines:
        click.echo(json.dumps(line) if as_json else _tell(line))
    if not lines:
        click.echo(f"gavel: {folder} tells nothing of {id_}", err=True)
    sys.exit(0 if lines else 1)


def _lines_with(files: list[Path], needles: Collection[str]) -> list[Line]:
    found = [line for file in files for line in _lines_of(file, needles)]
    return sorted(found, key=lambda line: str(line["timestamp"]))


def _lines_of(file: Path, needles: Collection[str]) -> Iterator[Line]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            # Among them may be what a program printed, or a line cut by a full disk.
            with suppress(ValueError):
                named = any(needle in line for needle in needles)
                if named and "timestamp" in (document := json.loads(line)):
                    yield document


def _tell(line: Line) -> str:
    more = " ".join(f"{name}={value}" for name, value in line.items() if name not in _HEAD)
    level = "" if line.get("level") == "info" else f"{line.get('level')}: "
    speaker = f"{line.get('daemon')}[{line.get('pid')}]"
    return f"{line['timestamp']} {speaker:<16} {level}{line.get('event')} {more}".rstrip()
