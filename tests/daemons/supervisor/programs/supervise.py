"""Run the real supervisor over the daemons that a JSON file lists: ``python supervise.py CONFIG SPECS READY_FD``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from daemons.config import load_config
from daemons.supervisor.main import supervise
from daemons.supervisor.plan import DaemonSpec
from daemons.supervisor.policy import Policy

if __name__ == "__main__":
    config = load_config(Path(sys.argv[1]))
    specs = [
        DaemonSpec(**{**spec, "policy": Policy(**spec.get("policy", {}))})
        for spec in json.loads(Path(sys.argv[2]).read_text())
    ]
    sys.exit(supervise(config, specs, ready_fd=int(sys.argv[3])))
