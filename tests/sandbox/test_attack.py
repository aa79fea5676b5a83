"""The short rows that a box is attacked with: contained as it is, and not with a layer off."""

import pytest
import trio

from sandbox import Box, Grade, open_sandbox
from sandbox.attack import COMMAND, FIRST, SHORT, Finding, attack_box

from .drive import IMAGE


async def attack_without(*layers: str, attacks=SHORT) -> dict[str, Finding]:
    """Return what came of *attacks* in a box without *layers*, by name."""
    with trio.fail_after(120):
        async with open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, interpreter=COMMAND, _without=layers
        ) as sandbox:
            found = await attack_box(sandbox.boxes[0], attacks=attacks)
    return {f"{finding.name}, {finding.tier}": finding for finding in found}


async def test_short_rows_are_contained_and_tell_their_rows() -> None:
    """A whole box holds against each; a finding has row, rule and name."""
    found = await attack_without()
    assert len(found) >= 50
    assert [finding for finding in found.values() if finding.faults] == []
    assert found["keyrings, exec"].row == 43
    assert str(found["keyrings, fork"]) == "row 43, keyrings, fork tier: contained"


@pytest.mark.parametrize(
    ("layer", "row"),
    [
        ("seccomp", "new_namespaces"),
        ("outer seccomp", "layers"),
        ("landlock", "layers"),
        ("hostname", "layers"),
        ("noexec", "mounts_flags"),
        ("run cell proc", "mounts_flags"),
        ("rlimits", "raise_limits"),
    ],
)
async def test_first_rows_see_a_layer_that_is_missing(layer: str, row: str) -> None:
    """The few rows that run before a worker serves notice any layer that was left out."""
    found = await attack_without(layer, attacks=FIRST)
    assert found[f"{row}, exec"].faults != ()
    assert found[f"{row}, fork"].faults != ()


async def test_attack_cancelled_leaves_the_box_usable() -> None:
    """A box whose inspection was cut short runs the next as ever."""
    with trio.fail_after(120):
        async with open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, interpreter=COMMAND
        ) as sandbox:
            (box,) = sandbox.boxes
            with trio.move_on_after(0.05) as scope:
                await attack_box(box)
            assert scope.cancelled_caught
            assert await contained(box)


async def contained(box: Box) -> bool:
    """Tell whether the first rows are contained."""
    found = await attack_box(box, attacks=FIRST)
    return not any(finding.faults for finding in found)
