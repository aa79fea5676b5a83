"""The port behind which a backend confines programs: what one must give, and may rely on.

Built is one backend, :mod:`sandbox.launched`: namespaces, a seccomp filter and control groups of
this kernel. What stands on this side (:mod:`sandbox.host`) knows no process, socket or mount, so a
backend of microVMs, or of a kernel in user space, needs these two classes and nothing else.

The life of a cell::

    start -> [parked] -> run -> [parked] -> run ... -> close
                          '- cancelled or overdue -> kill -> [parked], or start anew

*Park* is no call. A backend does ahead of time, at the end of `start` and after each run, whatever
it can do without knowing the job, so that `run` pays for the rest alone: here all confinement, in a
microVM its boot.
"""

from typing import Protocol

from sandbox.pipes import Pipes
from sandbox.result import Grade, Job, Result


class Cell(Protocol):
    """Where the programs of one slot run, one at a time, each as if it were the first.

    Whoever calls sees to that: `run` comes after `start` has returned, and never beside another
    call; `kill` comes once `run` has ended without a result.
    """

    async def start(self) -> None:
        """Make the cell stand, with the first run parked; nothing to do if it does.

        One that does not show all that its backend was told to show is made anew.

        The caller bounds it. Cancelled, it leaves nothing behind and can be called again.

        Raises:
            SandboxError: it can't be made here; *step* names what failed.
        """

    async def run(self, wanted: Job, pipes: Pipes | None = None) -> Result:
        """Run one program to its end, in fresh confinement, and return what became of it.

        What a backend owes for each run: no file, process, object of the kernel or memory of an
        earlier one; nothing of the host but the image, read-only; no network; every limit of the
        job, enforced while the program runs. When it returns no process of the run lives.

        What it measures, by counters that the program has no hand in, over all its processes and
        threads, those that were killed or waited for by nobody included: CPU seconds of user and
        system time, seconds of wall clock from go to end, and the peak of memory with everything
        that `Limits.memory_bytes` names. A backend that can only sample says so, with
        `Grade.REDUCED` and `memory_source`. `decide_status` makes the status of it.

        With *pipes*, the program talks with one in another cell: it reads the one, and the backend
        passes on to the other what it writes, as :mod:`sandbox.relay` does. The backend closes them
        as soon as it has its own hold on them.

        What a program does is a result, never an error. `wanted.tier` and `wanted.alone` need not
        be heeded: the tier taken stands in the result, and `alone` is the caller's affair.

        Raises:
            SandboxError: this host failed, or a name in the job is not a plain one. The result
                of this run is lost; the cell may have to be killed and started anew.
        """

    async def kill(self) -> None:
        """End the run in progress; on return nothing of it is left. Nothing to do without one.

        Shielded against cancellation, and bounded: a cell that does not answer within seconds is
        given up with all in it, and the next `start` makes another.
        """

    def close(self) -> None:
        """Let go of the cell; it ends by itself, and the backend's `stop` waits for that."""


class Backend(Protocol):
    """Makes cells, and owns what they share."""

    @property
    def grade(self) -> Grade:
        """How much of the confinement this host enforces; known once `start` has returned."""

    async def start(self) -> None:
        """Find out what this host gives; the caller bounds it.

        Raises:
            SandboxError: it can't confine programs at all.
        """

    def make_cell(self, number: int) -> Cell:
        """Return the cell of slot *number*, which does not stand yet."""

    def show(self, folder: str) -> None:
        """Add *folder*, which must not change any more, to what all programs see, read-only.

        Each cell shows it from its next start on. One that has gone by then is left out.
        """

    async def stop(self) -> None:
        """End all cells and wait until nothing of them is left; shielded, bounded."""
