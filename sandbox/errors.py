"""Say which step of the sandbox failed on this host, and why."""

import os

_DETAIL_CHARS = 500


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

    @classmethod
    def of(cls, step: str, exc: BaseException) -> "SandboxError":
        """Return what *exc*, raised at *step*, means; an unexpected one with its place."""
        if isinstance(exc, SandboxError):
            return exc
        if isinstance(exc, OSError):
            return cls(step, exc.errno or 0, str(exc))
        place, below = "", exc.__traceback__
        while below is not None:
            place = f"{os.path.basename(below.tb_frame.f_code.co_filename)}:{below.tb_lineno}"
            below = below.tb_next
        return cls(step, 0, f"{type(exc).__name__}: {exc} ({place})"[:_DETAIL_CHARS])

    def __str__(self) -> str:
        parts = [self.step]
        if self.errno:
            parts.append(os.strerror(self.errno))
        if self.detail:
            parts.append(self.detail)
        return ": ".join(parts)
