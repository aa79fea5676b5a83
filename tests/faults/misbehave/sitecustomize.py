"""Have a daemon that starts with this folder on PYTHONPATH misbehave as ``GAVEL_MISBEHAVE`` says."""

import os
import signal
import time
from pathlib import Path

# The daemon itself, not what it starts.
if "GAVEL_GATE_FD" in os.environ:
    _how = os.environ.get("GAVEL_MISBEHAVE", "")
    if _how == "exit":
        os._exit(3)
    if _how == "hang":
        time.sleep(3600)
    if _how == "deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if _how == "double-fork" and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            told = Path("grandchild.new")
            told.write_text(str(os.getpid()))
            told.rename("grandchild")
            time.sleep(3600)
        os._exit(0)
