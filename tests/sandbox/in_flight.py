"""Have a program put descriptors in flight, more than this user may, beside honest programs.

The kernel counts by user what is sent over sockets and not received yet, and refuses whoever sends
while there is more than the sender's own limit on open files. Prints one line per honest run.
"""

import errno
import resource
import socket
import sys

import trio

from sandbox import Grade, Job, Limits, open_sandbox
from sandbox.attack import COMMAND

from drive import IMAGE, wait_until  # isort: skip - beside this file

#: Of this process when it starts the launcher; the program may have more.
SOFT = 300
LIMITS = Limits(
    time_s=60, wall_s=60, memory_bytes=256 << 20, output_bytes=1 << 20, open_files=2 * SOFT
)
SENDER = """
import array, socket, time
ends = socket.socketpair()
for _ in range(3):
    ends[0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 250))])
time.sleep(1000)
"""
ECHO = Job(argv=("/bin/echo", "fine"), limits=LIMITS)


def is_refused() -> bool:
    """Tell whether this user may send no more descriptors."""
    ends = socket.socketpair()
    with ends[0], ends[1]:
        try:
            socket.send_fds(ends[0], [b"x"], [0])
        except OSError as exc:
            if exc.errno != errno.ETOOMANYREFS:
                raise
            return True
    return False


async def main() -> None:
    """Run the one program, and beside it, once nothing more can be sent, the others."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, hard))
    async with open_sandbox(slots=2, image=IMAGE, grade=Grade.REDUCED) as sandbox:
        sender = Job(
            argv=COMMAND.argv, env=COMMAND.env, files={"main.py": SENDER.encode()}, limits=LIMITS
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sandbox.boxes[0].run, sender)
            await wait_until(is_refused)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            for _ in range(4):
                result = await sandbox.boxes[1].run(ECHO)
                sys.stdout.write(f"{result.status} {result.stdout.decode()}")
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
