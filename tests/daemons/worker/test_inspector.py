"""A box in which an attack gets through takes no submission; a worker with none left ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trio

from daemons.broker import Claims, open_intake
from daemons.config import EXIT_CONFIG, ConfigError, Limits
from daemons.problems import Problems
from daemons.worker.builds import Builds
from daemons.worker.holdings import Holdings
from daemons.worker.inspector import Inspector
from daemons.worker.slots import Slots
from daemons.worker.toolchains import find_toolchains, image_of
from judging.languages import load_languages
from judging.package import load_problems
from protocol.messages import Verdict
from sandbox import Box, Grade, open_sandbox
from tests.daemons.worker.conftest import (
    PATIENCE_S,
    ROOT,
    Site,
    echo_after,
    eventually,
    write_config,
)


@asynccontextmanager
async def open_boxes() -> AsyncIterator[tuple[Box, Box]]:
    """Give a whole box, number 0, and one without its inner filter, number 1."""
    image = image_of([])
    async with (
        open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as whole,
        open_sandbox(slots=2, image=image, grade=Grade.REDUCED, _without=["seccomp"]) as leaky,
    ):
        yield whole.boxes[0], leaky.boxes[1]


async def test_first_rows_close_the_box_that_leaks_and_no_other() -> None:
    """The box without a filter is closed, with the rows that got through; the other is not."""
    with trio.fail_after(PATIENCE_S):
        async with open_boxes() as boxes:
            inspector = Inspector(boxes, enabled=True, tell=print)
            await inspector.inspect_first(boxes)
    assert list(inspector.closed) == [1]
    (reason,) = inspector.reasons
    assert reason.startswith("slot 1: ")
    assert "row 38, new_namespaces" in reason


async def test_worker_without_a_box_left_can_not_go_on() -> None:
    """When the last box is closed it is a wrong configuration, told in a line that names the row."""
    told: list[str] = []
    with trio.fail_after(PATIENCE_S):
        async with open_boxes() as (_, leaky):
            inspector = Inspector([leaky], enabled=True, tell=told.append)
            with pytest.raises(ConfigError, match=r"no slot left.*new_namespaces"):
                await inspector.inspect(leaky)
    assert ["no slot left" in line for line in told] == [True]


async def test_disabled_inspector_finds_no_box_due() -> None:
    """With `self_test = false` nothing is attacked."""
    with trio.fail_after(PATIENCE_S):
        async with open_boxes() as boxes:
            off = Inspector(boxes, enabled=False, tell=print)
            on = Inspector(boxes, enabled=True, tell=print)
            assert [off.is_due(box, idle=True) for box in boxes] == [False, False]
            assert [on.is_due(box, idle=True) for box in boxes] == [True, True]
            await on.inspect(boxes[0])
            assert [on.is_due(box, idle=True) for box in boxes] == [False, True]


async def test_inspection_is_put_off_while_submissions_wait(autojump_clock: None) -> None:
    """A busy worker first serves, but not for ever."""
    box = SimpleNamespace(id=0)
    inspector = Inspector([box], enabled=True, tell=print)
    assert not inspector.is_due(box, idle=False)
    await trio.sleep(599)
    assert not inspector.is_due(box, idle=False)
    await trio.sleep(2)
    assert inspector.is_due(box, idle=False)


async def test_slot_that_leaks_is_closed_when_nobody_waits(site: Site) -> None:
    """What waits is judged first; the idle worker inspects, and then judges only in what holds."""
    toolchains = await find_toolchains([load_languages()["c"]])
    problems = Problems(load_problems([site.folder / "problems"]))
    holdings = Holdings(10 * PATIENCE_S)  # nobody beats here
    claims = Claims(site.broker, "inspected")
    stopping = trio.Event()
    ran_in: list[int] = []
    with trio.fail_after(PATIENCE_S):
        async with open_boxes() as boxes, open_intake(site.broker, name="in") as intake:
            inspector = Inspector(boxes, enabled=True, tell=print)
            pair = SimpleNamespace(boxes=boxes)
            slots = Slots(
                claims, holdings, pair, inspector, problems, toolchains, Builds(), Limits()
            )
            judgement = slots._judgement

            async def judge_and_note(box, claim, reporter):
                ran_in.append(box.id)
                return await judgement(box, claim, reporter)

            slots._judgement = judge_and_note

            async def judge_four() -> None:
                for id_ in [await site.submit(echo_after(0)) for _ in range(4)]:
                    assert (await site.verdict(id_)).verdict is Verdict.ACCEPTED

            async with trio.open_nursery() as nursery:
                nursery.start_soon(slots.serve, intake, stopping)
                await judge_four()
                await eventually(lambda: bool(inspector.closed))
                ran_in.clear()
                await judge_four()
                stopping.set()
    assert list(inspector.closed) == [1]
    assert ran_in == [0] * 4


async def test_stop_does_not_wait_for_an_inspection(site: Site) -> None:
    """A stop in the middle of an inspection ends it; nothing is closed for that."""
    claims = Claims(site.broker, "inspected")
    stopping = trio.Event()
    with trio.fail_after(PATIENCE_S):
        async with open_boxes() as boxes, open_intake(site.broker, name="in") as intake:
            inspector = Inspector(boxes, enabled=True, tell=print)
            leaky = SimpleNamespace(boxes=boxes[1:])
            slots = Slots(claims, Holdings(15.0), leaky, inspector, {}, {}, Builds(), Limits())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(slots.serve, intake, stopping)
                await eventually(lambda: slots._inspecting)
                stopping.set()
    assert inspector.closed == {}


LEAKY_WORKER = """
import sys
from functools import partial
from pathlib import Path

from daemons.config import load_config
from daemons.worker import main, programs

programs.open_sandbox = partial(programs.open_sandbox, _without=["seccomp"])
sys.exit(main.run(load_config(Path(sys.argv[1]))))
"""


async def test_worker_whose_sandbox_leaks_does_not_start(site: Site) -> None:
    """It ends with 78 and says which rows got through; a supervisor does not start it again."""
    config = write_config(site.folder, "leaky.toml", site.store.url, {"slots": 2})
    config.write_text(config.read_text().replace("self_test = false", "self_test = true"))
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            [sys.executable, "-c", LEAKY_WORKER, str(config)],
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
            cwd=ROOT,
        )
    said = done.stdout.decode()
    assert done.returncode == EXIT_CONFIG, said
    assert "slot closed" in said
    assert "no slot left, attacks got through: slot 0: " in said
    assert "row 38, new_namespaces" in said
