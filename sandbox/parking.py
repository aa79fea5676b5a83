"""Fork a parked run whenever the warden asks: what cell-init does for the rest of its life."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import NoReturn

from sandbox import frames, namespaces, run
from sandbox.errors import SandboxError

#: The cell stands, and every folder of the image is the slot's own; or at least one is shared.
READY, READY_SHARED = b"U", b"V"
PARK = b"K"

#: After so many runs, or so long, the interpreter that runs are forked from starts anew: what one
#: program learns of its layout is of no use to another for long.
RUNS_PER_START = 1000
_START_S = 600.0


def serve_parks(
    sock: socket.socket, confinement: run.Confinement, renew: Callable[[], NoReturn] | None = None
) -> None:
    """Fork a run for each PARK frame; return only in a child whose program this interpreter runs.

    Args:
        sock: of the warden; when that is gone, so are we.
        confinement: of every run.
        renew: starts this process anew; None when its state is of no interest to a program.
    """
    # A signal that we ignore would stay ignored in run-init. Ours leave no zombie; those that
    # ended while this process started anew do.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _reap_zombies()
    # Python's own timeout would leave the socket non-blocking for the interpreter that starts anew.
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    runs, renew_at = 0, time.monotonic() + _START_S
    while True:
        if renew is not None and runs:
            left_s = renew_at - time.monotonic()
            if runs >= RUNS_PER_START or left_s <= 0:
                renew()
            if not poll.poll(left_s * 1000):
                continue
        frame, fds = frames.receive(sock)
        if not frame:
            os._exit(0)
        if frame != PARK or len(fds) < 4:
            raise SandboxError("park", 0, "unknown frame")
        control = socket.socket(fileno=fds[0])
        if namespaces.fork_into(namespaces.RUN, confinement.without) == 0:
            run.serve_run(run.Outfit(control, fds[1], fds[2], fds[3], fds[4:]), confinement)
            sock.detach()  # closed with all others; the number may be the program's next
            return
        control.close()
        frames.close_fds(fds[1:])
        runs += 1


def _reap_zombies() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
