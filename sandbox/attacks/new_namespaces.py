# row: 38
# rule: unshare and clone with any namespace flag are refused with EPERM.
# stdout: [1, 1, 1, 1, 1, 1, 1] [1, 1, 1, 1, 1, 1, 1]
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
FLAGS = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]
print([errno_of(272 if X86 else 97, f) for f in FLAGS], [errno_of(56 if X86 else 220, f | 17, 0, 0, 0, 0) for f in FLAGS])
