# row: 95
# rule: A program that replaces every clock it can see, and sets those of the kernel, is measured as ever.
# status: time_limit
# limits: time_s=0.4 wall_s=60
import ctypes, resource, signal, time
libc = ctypes.CDLL(None, use_errno=True)
for name in ("time", "perf_counter", "process_time", "monotonic", "thread_time", "clock_gettime"):
    setattr(time, name, lambda *_: 0.0)
resource.getrusage = lambda *_: None
for clock in range(12):
    libc.clock_settime(clock, (ctypes.c_long * 2)(0, 0))
libc.settimeofday((ctypes.c_long * 2)(0, 0), None)
libc.adjtimex(ctypes.create_string_buffer(512))
for number in (signal.SIGXCPU, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF):
    signal.signal(number, signal.SIG_IGN)
while time.process_time() < 0.1:
    pass
