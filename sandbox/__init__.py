"""ONE program, once, in a box: knows no Redis, HTTP, problem or verdict."""

from sandbox.blob import Blob
from sandbox.check import Capabilities, Capability, probe_host
from sandbox.errors import SandboxError
from sandbox.host import Box, Sandbox, open_sandbox
from sandbox.image import Image, usual_paths
from sandbox.result import Grade, Job, Limits, Result, RunStatus

__all__ = [
    "open_sandbox",
    "Sandbox",
    "Box",
    "Image",
    "usual_paths",
    "Job",
    "Limits",
    "Blob",
    "Result",
    "RunStatus",
    "Grade",
    "SandboxError",
    "probe_host",
    "Capabilities",
    "Capability",
]
