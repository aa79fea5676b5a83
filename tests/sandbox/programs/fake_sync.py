# row: 53
# rule: sync and syncfs answer "done" and never reach the kernel, which would write back the host's disks.
# stdout: fine
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
os.sync()
# The kernel would say that there is no such descriptor.
print("fine" if libc.syncfs(-1) == 0 else os.strerror(ctypes.get_errno()))
