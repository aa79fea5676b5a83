"""Who has which box: a newcomer's is never kept by who only borrowed it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio
import trio.testing

from daemons.worker import boxes as boxes_module
from daemons.worker.boxes import Boxes, Loan


@pytest.fixture
async def boxes(monkeypatch: pytest.MonkeyPatch) -> Boxes:
    """Give two boxes that are lent at once; nothing is run in them here."""
    monkeypatch.setattr(boxes_module, "_QUIET_S", 0.0)
    return Boxes([SimpleNamespace(id=0), SimpleNamespace(id=1)])


async def take(boxes: Boxes) -> object:
    """Reserve and take."""
    await boxes.reserve()
    return await boxes.take()


async def borrow(nursery: trio.Nursery, boxes: Boxes) -> Loan:
    """Borrow a box and use it until it is called back."""
    loan = boxes.borrow()
    assert loan is not None

    async def use() -> None:
        with loan.use():
            await trio.sleep_forever()

    nursery.start_soon(use)
    await trio.testing.wait_all_tasks_blocked()
    return loan


async def test_boxes_are_taken_once_and_come_back(boxes: Boxes) -> None:
    """As many as there are can be reserved; the next one waits until one is given back."""
    with trio.fail_after(120):
        taken = [await take(boxes) for _ in range(2)]
        assert {box.id for box in taken} == {0, 1}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(boxes.reserve)
            await trio.testing.wait_all_tasks_blocked()
            boxes.give_back(taken[0])
        assert await boxes.take() is taken[0]


async def test_reservation_given_up_is_free_for_the_next(boxes: Boxes) -> None:
    """A dispatcher that popped nothing leaves nothing reserved."""
    with trio.fail_after(120):
        for _ in range(5):
            await boxes.reserve()
            boxes.release()
        assert len({id(await take(boxes)) for _ in range(2)}) == 2


async def test_lent_box_comes_back_for_a_newcomer(boxes: Boxes) -> None:
    """The reserved box may be lent while nobody comes; who comes gets it at once."""
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            mine = await take(boxes)
            await boxes.reserve()  # the dispatcher, which waits for the next one
            loan = await borrow(nursery, boxes)
            assert boxes.borrow() is None
            newcomer = await boxes.take()
            assert loan.called_back
            assert newcomer is loan.box
            boxes.give_back(newcomer)
            boxes.give_back(mine)
            assert len({id(await take(boxes)) for _ in range(2)}) == 2


async def test_free_box_is_taken_before_a_lent_one(boxes: Boxes) -> None:
    """Nobody is called back as long as a box is idle."""
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            loan = await borrow(nursery, boxes)
            assert await take(boxes) is not loan.box
            assert not loan.called_back
            loan.call_back()


async def test_cancelled_taker_leaves_the_box_to_others(boxes: Boxes) -> None:
    """A reservation ends with who had it, and the box that was called back is free."""
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            await borrow(nursery, boxes)
            await borrow(nursery, boxes)
            await boxes.reserve()
            with trio.CancelScope() as scope:
                scope.cancel()
                await boxes.take()
            assert scope.cancelled_caught
            assert len({id(await take(boxes)) for _ in range(2)}) == 2


async def test_box_is_not_lent_while_submissions_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two submissions of a queue an idle box is not idle."""
    monkeypatch.setattr(boxes_module, "_QUIET_S", 600.0)
    boxes = Boxes([SimpleNamespace(id=0), SimpleNamespace(id=1)])
    await take(boxes)
    assert boxes.borrow() is None


async def test_take_one_takes_what_is_wanted_and_free(boxes: Boxes) -> None:
    """Of the free boxes, one of which it holds; none if there is none."""
    box = boxes.take_one(lambda box: box.id == 1)
    assert box.id == 1
    assert boxes.take_one(lambda box: box.id == 1) is None
    boxes.give_back(box)
    assert boxes.take_one(lambda box: box.id == 1) is box


async def test_reserving_a_free_box_hears_of_a_stop(boxes: Boxes) -> None:
    """A dispatcher that always finds a box must not be deaf to a cancelled scope."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await boxes.reserve()
    assert scope.cancelled_caught
    with trio.fail_after(120):
        assert len({id(await take(boxes)) for _ in range(2)}) == 2
