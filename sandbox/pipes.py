"""What two runs that talk with each other get for stdin and stdout."""

import os

from sandbox import frames


class Pipes:
    """The ends of two pipes that a run gets for stdin and stdout; closed once it has them."""

    def __init__(self, stdin: int, stdout: int) -> None:
        self.stdin = stdin
        self.stdout = stdout

    def close(self) -> None:
        """Give the descriptors back; a second call does nothing."""
        fds = [fd for fd in (self.stdin, self.stdout) if fd >= 0]
        self.stdin = self.stdout = -1
        frames.close_fds(fds)


def make_pipes() -> tuple[Pipes, Pipes]:
    """Return what two runs need to talk with each other."""
    there, back = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    return Pipes(back[0], there[1]), Pipes(there[0], back[1])
