"""What a run writes becomes another run's input: two programs that talk with each other.

Theory of operation. Each warden passes its program's output on to the pipe that is the other's
stdin. So who ended first is known on a busy host, too: a program's end shows to the other as the
end of its input, and a warden closes that pipe only after it has taken down when its own program
ended. Likewise it holds the reading end of its program's stdin until then, so that
the other warden finds the pipe broken no sooner.

A program that closes its output and lives on is believed after `_GRACE_S`. This is where it is no
longer certain: one that ended is taken for such a one where its run-init, which tells of its end,
gets no processor for so long.

Nothing blocks: what the other does not read fills the pipe, then `_BACKLOG_BYTES` here, and then
the program's own pipe, in which it waits as it would anywhere. What comes after the other has ended
is dropped, so nobody dies of having said too much.
"""

import os
import select
import time

_GRACE_S = 0.5
_BACKLOG_BYTES = 64 * 1024


class Relay:
    """One direction of a conversation; owns *hold* and *target* and is closed by its user.

    Args:
        hold: the reading end of the run's own stdin.
        target: the writing end of the other's.
    """

    def __init__(self, hold: int, target: int) -> None:
        os.set_blocking(target, False)
        self.target = target
        self._hold = hold
        self._pending = bytearray()
        self._close_at: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the other has to read before more can be passed on."""
        return self.target >= 0 and bool(self._pending)

    @property
    def is_full(self) -> bool:
        """Whether the program has to wait as well."""
        return self.is_waiting and len(self._pending) >= _BACKLOG_BYTES

    def feed(self, data: bytes) -> None:
        """Pass *data* on, now or as soon as there is room."""
        if self.target >= 0:
            self._pending += data
            self.push()

    def push(self) -> None:
        """Write what waits, as far as there is room."""
        try:
            while self.is_waiting:
                del self._pending[: os.write(self.target, self._pending)]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._close_target()

    def end_output(self) -> None:
        """Note that the program has closed its output, or ended."""
        self._close_at = time.monotonic() + _GRACE_S

    def wait_s(self) -> float:
        """Return the seconds until `tick` has something to do."""
        if self._close_at is None or self.target < 0 or self._pending:
            return float("inf")
        return max(0.0, self._close_at - time.monotonic())

    def tick(self) -> None:
        """Tell the other of a closed output, if it is time."""
        if self._close_at is not None and not self._pending and self.wait_s() <= 0:
            self._close_target()

    def finish(self, worker: int) -> None:
        """Pass on all that is left once the program's end is taken down, and close the pipe.

        Waits for the other to read or to end; it has limits of its own. Also ends when *worker*
        has something to say, which can only be that nobody wants the outcome.
        """
        self._close_hold()
        poll = select.poll()
        poll.register(worker, select.POLLIN)
        self.push()
        if self.is_waiting:
            poll.register(self.target, select.POLLOUT)
        while self.is_waiting:
            if any(fd == worker for fd, _ in poll.poll()):
                break
            self.push()
        self.close()

    def close(self) -> None:
        """Close what is open; a second call does nothing."""
        self._close_hold()
        self._close_target()

    def _close_hold(self) -> None:
        if self._hold >= 0:
            os.close(self._hold)
            self._hold = -1

    def _close_target(self) -> None:
        self._pending.clear()
        if self.target >= 0:
            os.close(self.target)
            self.target = -1
