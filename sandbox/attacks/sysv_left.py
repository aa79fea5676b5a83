# row: 76
# rule: System V objects of one run are not there for the next.
# runs: 2
# stdout: absent
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print("absent" if libc.shmget(0x5EED, 4096, 0) < 0 else "left over")
if libc.shmget(0x5EED, 4096, 0o1600) < 0:
    print("can't be made")
