# row: 49
# rule: Argument bits that the kernel cuts off do not pass the filter.
# stdout: [1, 97]
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
print([errno_of(16 if X86 else 29, 0, 0x5412 + (1 << 32), 0), errno_of(41 if X86 else 198, 2 + (1 << 32), 1, 0)])
