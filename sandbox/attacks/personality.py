# row: 52
# rule: The personality can be asked and not changed.
# stdout: [0, 0, 1, 1]
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
print([errno_of(135 if X86 else 92, n) for n in (0xFFFFFFFF, 0, 0x0400000, 0x0040000)])
