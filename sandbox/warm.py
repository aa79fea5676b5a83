"""What the cell's interpreter does between its own start and its programs."""

import ctypes
import gc
import os
import socket
import sys
from typing import NoReturn

from sandbox import capabilities, ending, frames, interpreter, namespaces, parking, run

#: Compiled and executed a few times before the first fork, so that the memory which that takes is
#: there already, and no child pays for it.
_EXERCISE = '''
import sys
def f(x, *y, z=None):
    """Doc."""
    return [i for i in range(x) if i % 2] + list(y)
class A:
    b = 1
    def c(self):
        return f"{self.b:>4}" + "x" * 3
try:
    d = {i: str(i) for i in f(9, 1, z=A().c())}
    a, b = map(int, "20 22".split())
    print(*sorted(d), a + b, sep=", ", file=sys.__stderr__ if a > b else None) if a > b else d
    raise ValueError(d)
except (KeyError, ValueError) as exc:
    e = lambda: exc
while d:
    d.popitem()
with open("/dev/null") as file:
    file.read()
'''
_TIMES = 10


def serve() -> None:
    """Park runs for the warden; return only in a child, whose program is the interpreter's next."""
    sock = socket.socket(fileno=interpreter.SOCKET_FD)
    try:
        _take_over()
        with open(interpreter.CONFINEMENT_FILE, "rb") as file:
            plan = file.read()
        ready, confinement = plan[:1], run.unpack_confinement(plan[1:])
        os.chdir("/")
        ending.Ending(frozenset(sys.modules)).arm()
        _warm_up()
        frames.send(sock, ready)
        parking.serve_parks(sock, confinement, lambda: _renew(sock))
        return _hide_objects()
    except BaseException as exc:  # noqa: BLE001, ASYNC103 - whatever it is
        run.fail(sock, "interpreter", exc)


def _take_over() -> None:
    """Be what cell-init was before it executed the interpreter."""
    os.set_inheritable(interpreter.SOCKET_FD, False)
    os.dup2(interpreter.STDERR_FD, 1)
    os.dup2(interpreter.STDERR_FD, 2)
    os.close(interpreter.STDERR_FD)
    namespaces.die_with_parent(0)
    namespaces.forbid_inspection()
    capabilities.keep(capabilities.CELL)


def _warm_up() -> None:
    for _ in range(_TIMES):
        exec(  # noqa: S102 - our own text
            compile(_EXERCISE, "exercise", "exec", dont_inherit=True), {"__name__": "exercise"}
        )
    gc.collect()
    _hide_objects()


def _hide_objects() -> None:
    """Let the collector pass over all that is there, but for what is the program's own."""
    main = sys.modules["__main__"]
    # What is frozen is never freed. The module of the program must be, like any.
    own = [ctypes.py_object(each) for each in (main, vars(main))]
    for each in own:
        ctypes.pythonapi.PyObject_GC_UnTrack(each)
    gc.freeze()
    for each in own:
        ctypes.pythonapi.PyObject_GC_Track(each)


def _renew(sock: socket.socket) -> NoReturn:
    interpreter.start(sock, [os.fsencode(part) for part in sys.orig_argv], os.environb)
