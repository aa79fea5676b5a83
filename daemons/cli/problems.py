"""`gavel problems`: which packages are offered, what one is like, whether they keep their word."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from urllib.parse import quote

import click
import msgspec
import trio
from rich.console import Console
from rich.table import Table

from daemons.cli.boxes import EXIT_INTERNAL, EXIT_INTERRUPTED, note, quiet_logs
from daemons.cli.options import config_option
from daemons.cli.remote import fetch, run_client
from daemons.cli.scaffold import KINDS, write_package
from daemons.cli.summary import count, summarize
from daemons.cli.verify import Case, Inputs, judge_all
from daemons.config import Config
from judging.package import Catalogue, Problem, load_problems
from sandbox import SandboxError

server_option = click.option(
    "--server", metavar="URL", help="Ask this API instead of looking into folders."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def problems() -> None:
    """List, show and verify the problem packages of the configured folders."""


@problems.command("list")
@json_option
@server_option
@config_option
def list_problems(config: Config, *, as_json: bool, server: str | None) -> None:
    """List the problems, and what is wrong with packages that are refused."""
    if server is not None:
        sys.exit(run_client(partial(_list_remote, server.rstrip("/"), as_json), note))
    catalogue = _load(config)
    if as_json:
        _print_json([_summary(problem) for problem in catalogue.values()])
        return
    table = Table(box=None, header_style="bold")
    for column in ("id", "title", "difficulty", "tests", "time limit", "tags"):
        table.add_column(column)
    for problem in catalogue.values():
        table.add_row(
            problem.id,
            problem.title,
            problem.difficulty or "",
            str(len(problem.tests)),
            f"{problem.limits.time_s:g} s",
            ", ".join(problem.tags),
        )
    _console().print(table)
    for error in catalogue.errors.values():
        note(f"refused: {error}")


async def _list_remote(server: str, as_json: bool) -> int:
    heads = (await fetch(server, "/problems"))["problems"]
    if as_json:
        _print_json(heads)
        return 0
    table = Table("id", "title", "difficulty", "tags", box=None, header_style="bold")
    for head in heads:
        table.add_row(head["id"], head["title"], head["difficulty"] or "", ", ".join(head["tags"]))
    _console().print(table)
    return 0


@problems.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--kind", type=click.Choice(list(KINDS)), default="pass-fail", show_default=True,
    help="What kind of problem: its output compared, judged by a program of the package's own,"
    " talking with one, run twice, or with points.",
)  # fmt: skip
def new(folder: Path, kind: str) -> None:
    """Begin a problem package in DIR: a small problem with tests and solutions.

    It is right as it stands; `gavel problems verify` says so, also after your changes.
    """
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty")
    try:
        written = write_package(folder, kind)
    except OSError as exc:
        raise click.UsageError(f"{exc.filename}: {exc.strerror}") from exc
    for path in written:
        click.echo(path)


@problems.command()
@click.argument("problem_id", metavar="ID")
@json_option
@server_option
@config_option
def show(problem_id: str, config: Config, *, as_json: bool, server: str | None) -> None:
    """Show one problem: limits, statement, samples."""
    if server is not None:
        sys.exit(run_client(partial(_show_remote, server.rstrip("/"), problem_id, as_json), note))
    problem = _find(_load(config), problem_id)
    if as_json:
        samples = [
            {
                "name": sample.name,
                "input": sample.input,
                "output": sample.output,
                "interaction": sample.interaction,
            }
            for sample in problem.samples
        ]
        _print_json({**_summary(problem), "statement_md": problem.statement_md, "samples": samples})
        return
    limits = problem.limits
    click.echo(f"{problem.title} ({problem.id})")
    click.echo(f"{limits.time_s:g} s, {limits.memory_bytes >> 20} MiB, {len(problem.tests)} tests")
    click.echo(f"\n{problem.statement_md.strip()}")
    for sample in problem.samples:
        shown = [] if sample.interaction else [sample.input.rstrip(), "->"]
        click.echo("\n".join(["", f"Sample {sample.name}", *shown, sample.output.rstrip()]))


async def _show_remote(server: str, problem_id: str, as_json: bool) -> int:
    page = await fetch(server, f"/problems/{quote(problem_id, safe='')}")
    if as_json:
        _print_json(page)
        return 0
    limits = page["limits"]
    click.echo(f"{page['title']} ({page['id']})")
    click.echo(f"{limits['time_s']:g} s, {limits['memory_bytes'] >> 20} MiB")
    click.echo(f"\n{page['statement']['markdown'].strip()}")
    for sample in page["samples"]:
        shown = [] if sample["interaction"] else [sample["input"].rstrip(), "->"]
        lines = ["", f"Sample {sample['name']}", *shown, sample["output"].rstrip()]
        click.echo("\n".join(lines))
    return 0


@problems.command()
@click.argument("problem_id", metavar="ID")
@click.option("--language", metavar="L", required=True, help="Which language's.")
@config_option
def starter(problem_id: str, language: str, config: Config) -> None:
    """Print the code to begin with, if the problem has some."""
    known = _find(_load(config), problem_id).starter
    if language not in known:
        there = ", ".join(known) or "none"
        raise click.UsageError(f"{problem_id} has no starter code in {language!r}; it has {there}")
    click.echo(known[language], nl=False)


@problems.command()
@click.argument("problem_ids", metavar="[ID]...", nargs=-1)
@json_option
@config_option
def verify(problem_ids: tuple[str, ...], config: Config, *, as_json: bool) -> None:
    """Judge every reference submission in the sandbox, of all problems or those named.

    The inputs of all tests are shown to the input validators, too, which have to exit with 42.

    Exit code: 0 each got a verdict that its folder names, 1 one did not, or an input or a package
    is refused, 2 wrong usage, 3 this machine could not judge.
    """
    quiet_logs("problems")
    catalogue = _load(config)
    chosen = [_find(catalogue, name) for name in problem_ids] or list(catalogue.values())
    cases: list[Case | Inputs] = []
    for problem in chosen:
        cases += [Inputs(problem), *(Case(problem, each) for each in problem.submissions)]
    try:
        findings = trio.run(judge_all, cases, config, not as_json)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except (SandboxError, ExceptionGroup) as exc:
        if isinstance(exc, ExceptionGroup) and exc.split(SandboxError)[1] is not None:
            raise
        note(f"this machine could not judge: {exc!r}")
        sys.exit(EXIT_INTERNAL)
    wrong = [finding for finding in findings if finding.wrong]
    if as_json:
        _print_json(findings)
    else:
        _console().print(summarize(chosen, findings, catalogue.errors))
        click.echo(count(findings))
    for error in catalogue.errors.values():
        note(f"refused: {error}")
    sys.exit(1 if wrong or catalogue.errors else 0)


def _load(config: Config) -> Catalogue:
    return load_problems(config.problem_dirs())


def _find(catalogue: Catalogue, problem_id: str) -> Problem:
    if problem_id in catalogue:
        return catalogue[problem_id]
    for path, error in catalogue.errors.items():
        if Path(path).name == problem_id:
            raise click.UsageError(f"{problem_id} is refused: {error}")
    raise click.UsageError(f"no problem {problem_id!r}; there are {', '.join(catalogue) or 'none'}")


def _summary(problem: Problem) -> dict[str, object]:
    return {
        "id": problem.id,
        "title": problem.title,
        "difficulty": problem.difficulty,
        "tags": problem.tags,
        "tests": len(problem.tests),
        "time_s": problem.limits.time_s,
        "memory_bytes": problem.limits.memory_bytes,
        "version": problem.version,
    }


def _print_json(document: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 120)
