"""A small real daemon on `daemons.service`, well or badly behaved: ``python daemon.py MODE [ARGUMENT]``."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial

import trio
import trio.lowlevel

from daemons.config import ConfigError
from daemons.service import Service, run_service, wait_at_gate


async def good(service: Service) -> None:
    """Serve until asked to stop: each connection gets this process's pid."""

    async def answer(stream: trio.SocketStream) -> None:
        await stream.send_all(b"%d\n" % os.getpid())

    doors = [trio.socket.from_stdlib_socket(door) for door in service.sockets]
    listeners = [trio.SocketListener(door) for door in doors]
    async with trio.open_nursery() as callers, trio.open_nursery() as accepting:
        if listeners:
            serve = partial(trio.serve_listeners, handler_nursery=callers)
            accepting.start_soon(serve, answer, listeners)
        service.ready("serving")
        await service.stopping.wait()
        # Whoever was accepted still gets his answer.
        accepting.cancel_scope.cancel()


async def good_once(service: Service) -> None:
    """Serve if no process has before; fail otherwise."""
    try:
        os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))
    except FileExistsError as exc:
        raise RuntimeError("there was one before") from exc
    await good(service)


async def deaf(service: Service) -> None:
    """Get ready, but do not stop when asked, nor when cancelled."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    service.ready()
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()


async def deaf_to_stopping(service: Service) -> None:
    """Get ready, and stop only when cancelled."""
    service.ready()
    await trio.sleep_forever()


async def crash_twice(service: Service) -> None:
    """Fail with two errors at once."""
    raise ExceptionGroup("both", [ValueError("first"), OSError("second")])


async def misconfigured(service: Service) -> None:
    """Find the configuration wrong."""
    raise ConfigError("tokens: no such file")


async def misconfigured_deep(service: Service) -> None:
    """Find the configuration wrong in a task."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(misconfigured, service)


async def show_child(service: Service) -> None:
    """Tell what a program that this daemon starts would find."""
    script = """if True:
        import json, os
        private = ("LISTEN_", "NOTIFY_", "WATCHDOG_", "GAVEL_LIFELINE", "GAVEL_GATE")
        names = [name for name in os.environ if name.startswith(private)]
        fds = [fd for fd in map(int, os.listdir("/proc/self/fd")) if fd < 64]
        fds = [fd for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")]
        print(json.dumps({"variables": names, "descriptors": fds}))
    """
    done = await trio.run_process(
        [sys.executable, "-I", "-S", "-c", script], capture_stdout=True, close_fds=False
    )
    service.status(done.stdout.decode().strip())
    await service.stopping.wait()


async def never_ready(service: Service) -> None:
    """Live, but never get ready."""
    await service.stopping.wait()


async def blocked(service: Service) -> None:
    """Get ready, then block the loop."""
    service.ready()
    await trio.lowlevel.checkpoint()
    time.sleep(3600)  # noqa: ASYNC251 - to block the loop is the point


async def crash(service: Service) -> None:
    """Fail at once."""
    raise RuntimeError("crashed as told")


async def crash_when_ready(service: Service) -> None:
    """Get ready, then fail."""
    service.ready()
    await trio.sleep(0.01)
    raise RuntimeError("crashed as told")


async def crash_while(service: Service) -> None:
    """Fail as long as a file is there; serve otherwise."""
    if await trio.Path(sys.argv[2]).exists():
        raise RuntimeError("crashed as told")
    await good(service)


async def patient(service: Service) -> None:
    """When asked to stop, wait for a file, and write into another that it was so."""
    service.ready()
    await service.stopping.wait()
    while not await trio.Path(sys.argv[3]).exists():  # noqa: ASYNC110 - another process makes it
        await trio.sleep(0.01)
    write_diary("stops")


class Toggle:
    """A connection that comes or goes with each `toggle`; at first it is away."""

    def __init__(self) -> None:
        self.connected = False
        self._changed = trio.Event()

    def toggle(self) -> None:
        """Come, or go."""
        self.connected = not self.connected
        self._changed.set()
        self._changed = trio.Event()

    async def wait_change(self) -> None:
        """Wait for the next `toggle`."""
        await self._changed.wait()


async def lacking(service: Service) -> None:
    """Serve while a connection is there, which comes and goes with SIGUSR1."""
    link = Toggle()

    async def listen(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            task_status.started()
            async for _ in signals:
                link.toggle()

    async with trio.open_nursery() as nursery:
        await nursery.start(listen)
        service.needs("the other end", link)
        service.ready("serving")
        await service.stopping.wait()
        nursery.cancel_scope.cancel()


async def double_fork(service: Service) -> None:
    """Leave a grandchild in a session of its own, tell its pid in a file, and serve."""
    script = f"setsid sleep 3600 & echo $! > {sys.argv[2]}.new"
    await trio.run_process(["/bin/sh", "-c", script])
    await trio.Path(sys.argv[2] + ".new").rename(sys.argv[2])
    service.ready()
    await service.stopping.wait()


async def diary(service: Service) -> None:
    """Write into a file when it serves and, after a moment, when it stops."""
    write_diary(f"serves {sys.argv[3]}")
    service.ready()
    await service.stopping.wait()
    await trio.sleep(0.1)
    write_diary(f"stops {sys.argv[3]}")


def write_diary(event: str) -> None:
    """Add a line to the file that is the first argument."""
    fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, f"{event}\n".encode())
    os.close(fd)


if __name__ == "__main__":
    if sys.argv[1] == "exit_loudly":
        sys.stdout.write("last words\n")
        sys.exit(3)
    if sys.argv[1] == "exit":
        sys.exit(int(sys.argv[2]))
    wait_at_gate()
    sys.exit(
        run_service(
            sys.argv[1], globals()[sys.argv[1]], drain_s=float(os.environ.get("DRAIN_S", "60"))
        )
    )
