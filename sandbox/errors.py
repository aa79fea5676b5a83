"""Say which step of the sandbox failed on this host, and why."""

import os


class SandboxError(Exception):
    """This host could not run the program; the program itself is never to blame.

    Args:
        step: Name of the step that failed, such as ``pivot_root`` or ``cgroup``.
        errno: The kernel's answer, 0 when no system call is behind it.
        detail: What a reader needs besides, such as a path or the command that mends it.
    """

    def __init__(self, step: str, errno: int = 0, detail: str = "") -> None:
        super().__init__(step, errno, detail)
        self.step = step
        self.errno = errno
        self.detail = detail

    def __str__(self) -> str:
        parts = [self.step]
        if self.errno:
            parts.append(os.strerror(self.errno))
        if self.detail:
            parts.append(self.detail)
        return ": ".join(parts)
