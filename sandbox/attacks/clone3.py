# row: 39
# rule: clone3 does not exist, and threads work all the same.
# stdout: 38 thread
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
def errno_of(number, *args):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in args)) < 0 else 0
import threading
print(errno_of(435, 0, 0), end=" ", flush=True)
thread = threading.Thread(target=lambda: print("thread"))
thread.start(); thread.join()
