"""ONE program, once, in a box: knows no Redis, HTTP, problem or verdict."""

from sandbox.blob import Blob
from sandbox.check import Capabilities, Capability, probe_host
from sandbox.errors import SandboxError
from sandbox.host import Box, Sandbox, open_sandbox
from sandbox.image import Image, usual_paths
from sandbox.result import Grade, Interpreter, Job, Limits, Result, RunStatus, Tier

__all__ = [
    "open_sandbox",
    "Sandbox",
    "Box",
    "Image",
    "usual_paths",
    "Interpreter",
    "Job",
    "Limits",
    "Blob",
    "Result",
    "RunStatus",
    "Tier",
    "Grade",
    "SandboxError",
    "probe_host",
    "Capabilities",
    "Capability",
]
