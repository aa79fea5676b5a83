"""Run the real supervisor over the daemons that a JSON file lists: ``python supervise.py CONFIG SPECS READY_FD``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from daemons.config import Config, load_config
from daemons.supervisor.main import supervise
from daemons.supervisor.plan import DaemonSpec, plan_daemons
from daemons.supervisor.policy import Policy


def make_spec(config: Config, spec: dict[str, Any]) -> DaemonSpec:
    """Return the plan that *spec* describes, or the real one that it names."""
    if "planned" in spec:
        return next(real for real in plan_daemons(config) if real.name == spec["planned"])
    return DaemonSpec(**{**spec, "policy": Policy(**spec.get("policy", {}))})


if __name__ == "__main__":
    config = load_config(Path(sys.argv[1]))
    specs = [make_spec(config, spec) for spec in json.loads(Path(sys.argv[2]).read_text())]
    sys.exit(supervise(config, specs, ready_fd=int(sys.argv[3])))
