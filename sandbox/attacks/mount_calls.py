# row: 40
# rule: Every call that changes mounts, roots or namespaces is refused with EPERM.
# stdout: {1}
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
numbers = [165, 166, 155, 161, 308, 272] if X86 else [40, 39, 41, 51, 268, 97]
print({errno_of(n, 0, 0, 0, 0, 0) for n in numbers + [428, 429, 430, 431, 432, 433, 442, 467]})
