"""Resource limits as the kernel has them once they are set."""

import subprocess
import sys

#: Spends some processor time, as the steps of a run do, and then takes the limit of a program.
TAKE = """
import resource, time
from sandbox import rlimits
while time.process_time() < 1.01: pass
planned = [(number, value) for number, value in rlimits.plan(2.0, 1, 1, 64, 64)
           if number == resource.RLIMIT_CPU]
spent = time.process_time()
rlimits.apply(planned)
print(len(planned), resource.getrlimit(resource.RLIMIT_CPU)[0] - spent >= planned[0][1] > 2)
"""


def test_processor_time_counts_from_the_job_on() -> None:
    """What the confinement used up before is not the program's."""
    command = [sys.executable, "-c", TAKE]
    taken = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert taken.stdout == "1 True\n"
