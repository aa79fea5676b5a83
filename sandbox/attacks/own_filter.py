# row: 51
# rule: A program can't install a filter or a tracer of its own.
# stdout: [1, 1, 1]
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
print([errno_of(317 if X86 else 277, 1, 0, 0), errno_of(157 if X86 else 167, 22, 2, 0, 0, 0), errno_of(157 if X86 else 167, 0x59616D61, 1, 0, 0, 0)])
