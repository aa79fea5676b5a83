"""Have a daemon that starts with this folder on PYTHONPATH misbehave as ``GAVEL_MISBEHAVE`` says."""

import os
import signal
import time
from pathlib import Path
from typing import Any


def _die_of_poison() -> None:
    """Let a worker die when it tells the steps of a submission that has the word in its code."""
    # The daemon's own code: only here is it wanted before its main.
    from daemons.broker import Claims

    told = Claims.progress

    async def tell(self: Claims, claim: Any, *steps: Any) -> bool:
        ours = await told(self, claim, *steps)
        if "poison" in (claim.request.code or ""):
            os.kill(os.getpid(), signal.SIGKILL)
        return ours

    Claims.progress = tell  # type: ignore[method-assign]


# The daemon itself, not what it starts.
if "GAVEL_GATE_FD" in os.environ:
    _how = os.environ.get("GAVEL_MISBEHAVE", "")
    if _how == "exit":
        os._exit(3)
    if _how == "hang":
        time.sleep(3600)
    if _how == "deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if _how == "poison":
        _die_of_poison()
    if _how == "double-fork" and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            told = Path("grandchild.new")
            told.write_text(str(os.getpid()))
            told.rename("grandchild")
            time.sleep(3600)
        os._exit(0)
