"""Take named steps in order; one that fails says its name and errno."""

from collections.abc import Callable, Collection, Sequence

from sandbox.errors import SandboxError

Step = tuple[str, Callable[[], None]]


def take(steps: Sequence[Step], without: Collection[str] = ()) -> None:
    """Take each step; raises SandboxError with the name of the one that failed.

    Args:
        steps: Name and action, in the order that matters.
        without: Steps to leave out. Only the tests that show what a layer is good for use it.
    """
    for name, action in steps:
        if name in without:
            continue
        try:
            action()
        except OSError as exc:
            raise SandboxError(name, exc.errno or 0, exc.strerror or "") from exc
