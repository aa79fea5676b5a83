# row: 86
# rule: No memory is shared, for writing, with what the program was forked from; its code can't be changed for others.
# runs: 2
# stdout: untouched, nothing writable, no way in
import ctypes, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
writable = []
for line in open("/proc/self/maps"):
    span, flags = line.split()[:2]
    if flags[3] != "s":
        continue
    first, last = (int(part, 16) for part in span.split("-"))
    if flags[1] == "w" or libc.mprotect(ctypes.c_void_p(first), ctypes.c_size_t(last - first), 3) == 0:
        writable.append(line.strip())
ways = []
for name in ("mem", "clear_refs", "coredump_filter", "oom_score_adj", "timerslack_ns", "comm"):
    try:
        os.close(os.open(f"/proc/self/{name}", os.O_WRONLY))
        ways.append(name)
    except OSError:
        pass
# The C library's own text, made writable: a copy of this process's, and of nobody else's.
at = ctypes.cast(libc.abs, ctypes.c_void_p).value
page = ctypes.c_void_p(at & ~4095)
state = "untouched" if libc.abs(-7) == 7 else "poisoned by the run before"
libc.mprotect(page, ctypes.c_size_t(8192), 7)
if os.uname().machine == "x86_64":
    ctypes.memmove(at, b"\xb8\x2a\x00\x00\x00\xc3", 6)
    assert libc.abs(-7) == 42
print(state, writable or "nothing writable", ways or "no way in", sep=", ")
