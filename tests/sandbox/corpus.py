"""Small Python programs that would show a difference between the tiers, by what they look at.

Each is run in both tiers, and output, errors, exit code and signal must be the same byte for byte.
What no two starts share (addresses, times, pids of a busy host) no program prints.
"""

#: What they find on stdin.
STDIN = "20 22\nzwölf\n\n7\nlast line without an end".encode()

_ENDINGS = r"""
pass
import sys; sys.exit()
import sys; sys.exit(0)
import sys; sys.exit(3)
import sys; sys.exit(256 + 7)
import sys; sys.exit(-1)
import sys; sys.exit(None)
import sys; sys.exit("a message")
import sys; sys.exit(3.5)
import sys; sys.exit(2**70)
import sys; sys.exit((1, 2))
import sys; sys.exit(True)
raise SystemExit
raise SystemExit(5)
raise SystemExit("bye")
exit(4)
quit()
raise KeyboardInterrupt
raise ValueError("plain")
raise BaseException("base")
raise Exception("ä\udc80")
import os; os._exit(9)
import os; os.abort()
import os, signal; os.kill(os.getpid(), signal.SIGTERM)
import os, signal; os.kill(os.getpid(), signal.SIGINT)
import os, signal; os.kill(os.getpid(), signal.SIGPIPE); print("ignored")
import os, signal; os.kill(os.getpid(), signal.SIGXFSZ); print("ignored")
import os, signal; os.kill(os.getpid(), signal.SIGUSR1)
import os; print("lost", end=""); os._exit(0)
import os; print("kept", end=""); os.close(1)
import sys; sys.stdout.close()
import sys; sys.stderr.close(); raise ValueError
import sys; sys.stdout = None; print("nowhere")
import sys; sys.stdout = open("/dev/full", "w"); print("x")
import os; fd = os.open("/dev/full", os.O_WRONLY); os.dup2(fd, 1); print("x")
import sys; sys.excepthook = lambda *error: print("hook", error[:2]); 1 / 0
import sys; sys.unraisablehook = lambda u: print("unraisable", u.exc_value)\nclass A:\n  def __del__(self): 1 / 0\na = A()
import atexit; atexit.register(print, "first"); atexit.register(print, "second"); print("body")
import atexit; atexit.register(lambda: 1 / 0); print("body")
import atexit, sys; atexit.register(sys.exit, 7)
import atexit, os; atexit.register(os._exit, 6)
class A:\n  def __del__(self): print("deleted", __name__)\na = A()
class A:\n  def __del__(self): print("cycle gone")\na = A(); a.me = a; del a
class A:\n  def __del__(self):\n    import sys; sys.exit(4)\na = A()
import sys\nclass A:\n  def __del__(self): print(sys and sys.is_finalizing())\nsys.keep = A()
import threading, time\ndef f(): time.sleep(0.05); print("late")\nthreading.Thread(target=f).start(); print("main done")
import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start(); print("main done")
import threading\ndef f(): 1 / 0\nt = threading.Thread(target=f, name="T"); t.start(); t.join()
import threading\ndef f(): raise SystemExit(3)\nt = threading.Thread(target=f); t.start(); t.join(); print("on")
import _thread\nlock = _thread.allocate_lock(); lock.acquire()\n_thread.start_new_thread(lock.release, ()); lock.acquire(); print("ok")
import sys; print("out"); print("err", file=sys.stderr); 1 / 0
try:\n  1 / 0\nexcept ZeroDivisionError:\n  raise KeyError("second")
try:\n  1 / 0\nexcept ZeroDivisionError as e:\n  raise KeyError("caused") from e
raise ExceptionGroup("several", [ValueError(1), TypeError(2)])
import signal; signal.alarm(1); signal.pause()
import ctypes; ctypes.string_at(0)
import faulthandler, ctypes; faulthandler.enable(); ctypes.string_at(0)
import faulthandler, sys; faulthandler.dump_traceback(); print(faulthandler.is_enabled())
"""

_CODE = r"""
print(
if True\n  x
def f():\n\tx = 1\n        y = 2
return 1
x = = 1
"unterminated
'''unterminated
f(**{}, *[])
nonlocal x
a, b += 1
print "x"
\# coding: latin-1\nprint(ascii("\xe4"))
# coding: nonsense\nprint(1)
print(ascii("ä€😀")); print("ä€😀")
x = "\d"; print(x)
assert 0, "said"
def f():\n  g()\ndef g():\n  [1][2]\nf()
(lambda: (yield))().throw(ValueError("in a generator"))
eval("1 +")
exec("def f(): 1 / 0"); f()
exec(compile("1 / 0", "made-up.py", "exec"))
exec(compile("\n\n1 / 0", "main.py", "exec"))
import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()
import traceback; traceback.print_stack()
import traceback\ndef f(): print(traceback.format_stack())\nf()
import linecache; print(linecache.getlines("main.py"), linecache.getline(__file__, 1))
import inspect, sys; print(inspect.getsource(sys.modules["__main__"]))
import inspect\ndef f(a, b=1): "doc"\nprint(inspect.getsource(f), inspect.signature(f), inspect.getdoc(f))
import inspect; print([(f.filename, f.lineno, f.function) for f in inspect.stack()])
import sys; print(sys._getframe().f_back, sys._getframe().f_code.co_name, sys._getframe().f_code.co_filename)
import sys\ntry: sys._getframe(1)\nexcept ValueError as e: print(e)
import sys\ndef f(): return sys._getframe(1).f_back\nprint(f())
import threading, sys; print(len(sys._current_frames()))
def f(n): return f(n + 1)\nf(0)
def f(n): return f(n + 1)\ntry: f(0)\nexcept RecursionError as e: print(e)
import sys\ndepth = 0\ndef f():\n  global depth; depth += 1; f()\ntry: f()\nexcept RecursionError: print(depth, sys.getrecursionlimit())
import sys; sys.setrecursionlimit(100000)\ndef f(n): return n and f(n - 1)\nprint(f(90000))
import sys; sys.setrecursionlimit(10**9)\nx = []\nfor _ in range(3000): x = [x]\nprint(len(repr(x)))
import warnings; warnings.warn("careful")
import warnings; warnings.simplefilter("error"); warnings.warn("careful", DeprecationWarning)
open("main.py"); import gc; gc.collect(); print("no warning")
import json; json.loads("{")
import re; re.compile("(")
import unittest; unittest.main()
def main(): print("guarded", __name__)\nif __name__ == "__main__": main()
import __main__; print(__main__.__file__, __main__.__dict__ is globals())
import main
import runpy; print(sorted(runpy.run_path("main.py", run_name="again")) if __name__ == "__main__" else "inner")
import pickle\nclass A: pass\nprint(pickle.dumps(A()), type(pickle.loads(pickle.dumps(A()))))
import dataclasses\n@dataclasses.dataclass\nclass A: x: int = 1\nprint(A(), A.__module__)
import timeit; print(timeit.timeit("pass", number=10) > 0)
import doctest\ndef f():\n  '''\n  >>> 1\n  2\n  '''\nprint(doctest.testmod())
"""

_STATE = r"""
print(sorted(globals()))
import sys; print(list(sys.modules))
import sys; print(sys.path, sys.argv, sys.orig_argv, sys.executable, sys.prefix, sys.base_prefix)
import sys; print(sys.flags, sys.warnoptions, sys._xoptions, sys.dont_write_bytecode)
import sys; print([type(f) for f in sys.path_hooks], sys.meta_path, sorted(sys.path_importer_cache))
import sys; print(sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile())
import sys; print(sys.stdin, sys.stdout, sys.stderr, sys.__stdin__ is sys.stdin)
import sys; print([(s.encoding, s.errors, s.newlines, s.line_buffering, s.write_through) for s in (sys.stdin, sys.stdout, sys.stderr)])
import sys; print([(s.isatty(), s.fileno(), s.buffer.raw.mode, s.seekable()) for s in (sys.stdin, sys.stdout, sys.stderr)])
import sys; print(sys.stdin.buffer.tell(), sys.stdin.buffer.raw.tell(), sys.stdin.buffer.peek()[:9])
import sys; print([s.buffer.raw.__sizeof__() for s in (sys.stdin, sys.stdout)], sys.stdin._CHUNK_SIZE)
import sys; print(sys.excepthook is sys.__excepthook__, hasattr(sys, "last_type"), hasattr(sys, "ps1"), sys.__interactivehook__.__name__)
print(__name__, __file__, __doc__, __package__, __spec__, __loader__, __builtins__, globals().get("__cached__"), globals().get("__annotations__"))
import os; print(os.getcwd(), os.umask(0o22), sorted(os.environ.items()), os.listdir("."), os.nice(0))
import os; print(sorted(os.listdir("/proc/self/fd")), os.getuid(), os.geteuid(), os.getgroups(), os.getsid(0) == os.getpid(), os.getpid(), os.getppid())
import os; print(os.stat(0).st_mode & 0o170000, os.stat(1).st_mode & 0o170000, os.stat(2).st_mode & 0o170000)
import os; print([os.get_inheritable(fd) for fd in (0, 1, 2)], [os.get_blocking(fd) for fd in (0, 1, 2)])
import fcntl; print([fcntl.fcntl(fd, fcntl.F_GETFL) & 3 for fd in (0, 1, 2)])
print(open("/proc/self/cmdline").read().split("\0"), open("/proc/self/comm").read())
print(open("/proc/self/environ").read().split("\0"))
import os; print(os.readlink("/proc/self/exe"), os.readlink("/proc/self/cwd"), os.stat("/proc/self").st_uid)
print([line for line in open("/proc/self/status") if line.split(":")[0] in ("Name", "Umask", "State", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Threads", "THP_enabled")])
import signal; print([(int(s), signal.getsignal(s)) for s in sorted(signal.valid_signals())])
import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.sigpending(), signal.getitimer(signal.ITIMER_REAL))
import resource; print([resource.getrlimit(n) for n in range(16)])
import gc; print(gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.callbacks, gc.garbage)
import atexit; print(atexit._ncallbacks())
import site; print(site.ENABLE_USER_SITE, site.USER_SITE, site.USER_BASE, site.PREFIXES, site.getsitepackages())
print(exit, quit, copyright, credits, license, help)
import builtins; print(sorted(vars(builtins)))
import threading; print(threading.active_count(), threading.current_thread().name, threading.main_thread() is threading.current_thread(), threading.stack_size())
import threading\nt = threading.Thread(target=lambda: print(threading.current_thread().name)); t.start(); t.join(); print(t.name)
import locale; print(locale.getlocale(), locale.getpreferredencoding(), locale.setlocale(locale.LC_ALL), locale.getencoding() if hasattr(locale, "getencoding") else "")
import sys; print(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.getdefaultencoding(), sys.flags.utf8_mode)
print(hash("gavel"), hash(b"x"), hash((1, "a")), {"b", "a", "c", "d"})
print({str(i) for i in range(20)}, list({"x": 1, "y": 2}.items()))
import random; random.seed(1); print(random.random(), random.sample(range(99), 5))
import random, time; print(random.random() != random.random())
import asyncio\nasync def main(): await asyncio.sleep(0.01); return 5\nprint(asyncio.run(main()))
import asyncio\nasync def main():\n  p = await asyncio.create_subprocess_exec("/bin/echo", "x", stdout=-1); print(await p.communicate())\nasyncio.run(main())
import tracemalloc; print(tracemalloc.is_tracing())
import sysconfig, platform; print(sysconfig.get_paths()["stdlib"], platform.python_version(), platform.python_implementation())
import importlib; print(importlib.util if hasattr(importlib, "util") else "no util", importlib.import_module("this") and "")
import os, time; print(time.tzname, os.cpu_count() > 0, os.sched_getscheduler(0))
import decimal, fractions; print(decimal.getcontext(), fractions.Fraction(1, 3))
import contextvars; print(list(contextvars.copy_context()))
import tempfile; print(tempfile.gettempdir(), tempfile.gettempprefix())
import logging; logging.warning("to stderr"); logging.info("nowhere")
import codecs; print(codecs.lookup("utf-8"), codecs.lookup_error("strict").__name__)
import ctypes; print(ctypes.sizeof(ctypes.c_void_p), ctypes.CDLL(None).getpid())
import socket; print(socket.gethostname(), socket.SOCK_STREAM, socket.socketpair()[0].family)
import struct, array, select, enum; print(struct.calcsize("P"), array.array("i", [1]), enum.Enum("E", "a b"))
import collections, heapq, bisect, math, itertools, functools, operator, string, copy, types; print(collections.Counter("aab"), heapq.nsmallest(1, [2, 1]), math.pi)
import collections; collections.abc.Sequence; print(isinstance([], collections.abc.Sequence))
import sys, collections, re, json; print([m for m in sys.modules if not m.startswith("encodings")])
import concurrent.futures as c\nwith c.ThreadPoolExecutor(2) as e: print(list(e.map(str, range(3))))
import sqlite3; print(sqlite3.connect(":memory:").execute("select 1").fetchall())
"""

_STREAMS = r"""
print(input(), input())
print(input("prompt> "))
while True: print(input())
import sys; print(sys.stdin.read())
import sys; print(sys.stdin.buffer.read())
import sys; print(sys.stdin.readlines())
import sys\nfor line in sys.stdin: print(repr(line))
import sys; print(sys.stdin.readline(), sys.stdin.buffer.readline())
import sys; print(input(), sys.stdin.tell(), sys.stdin.seek(0), input())
import os; print(os.read(0, 5), os.lseek(0, 0, 0), os.read(0, 99))
import io; print(io.BytesIO(open(0, "rb").read()).getvalue())
print(open(0).read()); print("after")
print(open("/dev/stdin").read())
import fileinput\nfor line in fileinput.input(): print(line)
import mmap; print(mmap.mmap(0, 0, access=mmap.ACCESS_READ)[:5])
import os; os.write(0, b"x")
import os; os.close(0); input()
print(*range(3), sep="\\n", end="."); print("x", flush=True)
import os; print("one"); os.write(1, b"two\\n"); print("three")
import sys; sys.stdout.write("a" * 5000); import os; os.write(1, b"|")
import sys; sys.stdout.buffer.write(b"\xff\x00"); print("mixed")
import sys; sys.stderr.write("partial"); import os; os.write(2, b"|")
import sys; sys.stdout.reconfigure(line_buffering=True); print("x"); import os; os.write(1, b"y")
import sys; sys.stdout.reconfigure(encoding="ascii"); print("ä")
print("\udcff")
import os; os.dup2(2, 1); print("to stderr")
import sys; sys.stdin.reconfigure(encoding="latin-1"); print(ascii(sys.stdin.read()))
import sys; sys.stdout.detach().write(b"detached")
import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as f: print("hidden")\nprint(f.getvalue())
print("x" * 70000)
import getpass; getpass.getpass()
import os; print(os.isatty(0), os.get_terminal_size())
import pdb; pdb.set_trace()
breakpoint()
import code; code.interact()
help("pass")
import readline; print("readline")
"""

_PROCESSES = r"""
import os\npid = os.fork()\nif pid == 0: print("child"); os._exit(3)\nprint(os.waitpid(pid, 0)[1])
import os\nprint("buffered")\nif os.fork() == 0: raise SystemExit\nos.wait()
import os\nprint(os.system("echo shell; exit 3"))
import os; os.execv("/bin/echo", ["echo", "replaced"])
import os, sys; os.execv(sys.executable, [sys.executable, "-c", "import sys; print(sys.flags, sys.argv)"])
import subprocess; print(subprocess.run(["/bin/cat"], input=b"x", capture_output=True))
import subprocess; print(subprocess.run(["/bin/cat"], capture_output=True).stdout)
import subprocess, sys; print(subprocess.check_output([sys.executable, "-c", "import os, sys; print(sorted(os.environ.items()), sys.path, os.listdir('/proc/self/fd'))"]))
import subprocess, sys; print(subprocess.run([sys.executable, "-c", "import signal; print([signal.getsignal(s) for s in (2, 13, 17, 25)])"]).returncode)
import subprocess; print(subprocess.run("ulimit -a; umask; trap", shell=True).returncode)
import subprocess; print(subprocess.run("kill -PIPE $$; echo alive", shell=True).returncode)
import subprocess; subprocess.run(["/no/such"])
import multiprocessing as m\ndef f(q): q.put((__name__, m.current_process().name))\nif __name__ == "__main__":\n  c = m.get_context("fork"); q = c.Queue(); p = c.Process(target=f, args=(q,)); p.start(); print(q.get()); p.join(); print(p.exitcode)
import multiprocessing as m\ndef f(x): return x * x, __name__\nif __name__ == "__main__":\n  with m.get_context("spawn").Pool(1) as p: print(p.map(f, [1, 2]))
import multiprocessing as m\ndef f(): 1 / 0\nif __name__ == "__main__":\n  p = m.get_context("spawn").Process(target=f); p.start(); p.join(); print(p.exitcode)
import multiprocessing as m\ndef f(x): return x + 1\nif __name__ == "__main__":\n  with m.get_context("forkserver").Pool(1) as p: print(p.map(f, [1]))
import multiprocessing.shared_memory as s; m = s.SharedMemory(create=True, size=9); m.buf[0] = 5; print(m.buf[0]); m.close(); m.unlink()
import concurrent.futures as c\nif __name__ == "__main__":\n  with c.ProcessPoolExecutor(1) as e: print(list(e.map(abs, [-1])))
import os, signal\nsignal.signal(signal.SIGCHLD, lambda *a: print("child ended"))\nif os.fork() == 0: os._exit(0)\nos.wait()
import signal, os\nsignal.signal(signal.SIGUSR1, lambda n, f: print("caught", n, f.f_lineno)); os.kill(os.getpid(), signal.SIGUSR1)
import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: 1 / 0); signal.setitimer(signal.ITIMER_REAL, 0.02); time.sleep(5)
import os; os.register_at_fork(after_in_child=lambda: print("hook"))\nif os.fork() == 0: os._exit(0)\nos.wait()
import threading\nt = [threading.Thread(target=lambda: None) for _ in range(5)]\n[x.start() for x in t]; [x.join() for x in t]; print("threads")
import threading, sys\nthreading.stack_size(1 << 25); sys.setrecursionlimit(50000)\ndef f(n): return n and f(n - 1)\nt = threading.Thread(target=lambda: print(f(40000))); t.start(); t.join()
import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); x = bytearray(1 << 29)
"""


def _split(text: str) -> list[str]:
    r"""Return the programs of a block: one a line, in which ``\n`` and ``\t`` stand for themselves."""
    return [
        line.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\0", "\\")
        for line in text.strip().splitlines()
    ]


PROGRAMS = [
    program
    for block in (_ENDINGS, _CODE, _STATE, _STREAMS, _PROCESSES)
    for program in _split(block)
] + ["", "\0", "print(1)\0", "\ufeffprint('bom')", "print('crlf')\r\nprint(2)\r\n", "\x0cprint(3)"]
