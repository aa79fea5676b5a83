# row: 48
# rule: A system call newer than the policy does not exist.
# stdout: {38}
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
print({errno_of(n, 0, 0, 0, 0, 0) for n in range(468, 700)})
