# row: 42
# rule: bpf, perf_event_open, userfaultfd, memfd_secret, fanotify, kexec and modules are refused.
# stdout: [1, 1, 38, 38, 1, 38, 1, 1, 1]
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
numbers = (321, 298, 323, 447, 300, 246, 175, 313, 176) if X86 else (280, 241, 282, 447, 262, 104, 105, 273, 106)
print([errno_of(n, 0, 0, 0, 0, 0) for n in numbers])
