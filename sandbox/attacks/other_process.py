# row: 25
# rule: ptrace, process_vm_readv/writev, kcmp and pidfd_getfd are refused with EPERM.
# stdout: [1, 1, 1, 1, 1]
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(number, *args) < 0 else 0
print([errno_of(n, 0, 0, 0, 0, 0, 0) for n in ((101, 310, 311, 312, 438) if x86 else (117, 270, 271, 272, 438))])
