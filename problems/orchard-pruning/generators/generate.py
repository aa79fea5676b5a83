"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("orchard-pruning")
Tree = list[int | None]


def forks(tree: Tree) -> list[tuple[int, int | None, bool]]:
    """Return, level by level, each fork's apples, the place of its parent, and whether it is left."""
    found, places = [], [(None, False)]
    for item, (parent, left) in zip(tree, places):  # which grows meanwhile
        if item is not None:
            places += ((len(found), True), (len(found), False))
            found.append((item, parent, left))
    return found


def prune(tree: Tree, least: int) -> Tree:
    found = forks(tree)
    bears = [apples for apples, _, _ in found]
    for place in range(len(found) - 1, 0, -1):
        if bears[place] >= least:
            bears[found[place][1]] += bears[place]
    children = {}
    for place, (_, parent, left) in enumerate(found):
        if bears[place] >= least:
            children[parent, left] = place
    pruned, level = [], [children.get((None, False))]
    while any(place is not None for place in level):
        pruned += [None if place is None else found[place][0] for place in level]
        level = [
            children.get((place, left))
            for place in level
            if place is not None
            for left in (True, False)
        ]
    while pruned and pruned[-1] is None:
        pruned.pop()
    return pruned


def grown(count: int, most: int, one_side: float = 0.0) -> Tree:
    """Return a tree of *count* forks; where only one branch goes on, it is either."""
    tree, open_places = [rng.randint(0, most)], 2
    count -= 1
    while count:
        width, open_places = open_places, 0
        for _ in range(0, width, 2):
            pair = [rng.random() >= one_side / 2, rng.random() >= one_side / 2]
            pair[rng.randrange(2)] = True
            for grows in pair:
                grows = grows and count > 0
                tree.append(rng.randint(0, most) if grows else None)
                count -= grows
                open_places += 2 * grows
    while tree[-1] is None:
        tree.pop()
    return tree


def tests():
    yield "no-tree", [], 0
    yield "one-stays", [3], 3
    yield "one-goes", [3], 4
    yield "nothing-goes", grown(20, 0), 0
    yield "all-goes", grown(200, 4), 1_000_000
    yield "left-only", [1, 2, None, 3, None, 4], 4
    yield "right-only", [1, None, 2, None, 3, None, 4], 5
    yield "empty-forks-stay", [0, 0, 0, 0, 0, 0, 9], 9
    yield "cut-counts-no-more", [2, 2, 2, 2, 2, 2, 2], 5
    yield "random-small", grown(60, 5), 7
    yield "random", grown(2000, 9, 0.9), 10
    yield "deep", [apples for fork in range(9999) for apples in ((fork * 7) % 5, None)], 9
    yield "deep-all-goes", [0, None] * 9999, 1
    yield "wide", grown(20_000, 1000), 1500


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, tree, least) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        while tree and tree[-1] is None:
            tree = tree[:-1]
        base.with_suffix(".in").write_text(f"{json.dumps(tree)}\n{least}\n")
        base.with_suffix(".ans").write_text(f"{json.dumps(prune(tree, least))}\n")


if __name__ == "__main__":
    main()
