# row: 50
# rule: No terminal can be typed into.
# stdout: [1, 1, 1]
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
print([errno_of(16 if X86 else 29, 0, n, 0) for n in (0x5412, 0x541C, 0x5423)])
