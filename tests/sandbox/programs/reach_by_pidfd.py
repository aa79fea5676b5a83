# row: 26
# rule: Through descriptors of processes nothing is reached but a program's own children.
# stdout: contained
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    ctypes.set_errno(0)
    return libc.syscall(*(ctypes.c_long(each) for each in arguments)), ctypes.get_errno()
bad = []
opened = [pid for pid in range(1, 2000) if call(434, pid, 0)[0] >= 0 and pid not in (1, os.getpid())]
if opened:
    bad.append(f"opened {opened}")
for pid in (1, os.getpid()):
    fd, _ = call(434, pid, 0)
    if fd < 0:
        continue
    for name, arguments in {
        "pidfd_getfd": (438, fd, 0, 0), "setns": (308, fd, 0x20000), "process_madvise": (440, fd, 0, 0, 4, 0),
        "process_mrelease": (448, fd, 0), "kcmp": (312, pid, pid, 0, 0, 0),
    }.items():
        found, code = call(*arguments)
        if code != errno.EPERM:
            bad.append((pid, name, found, code))
for pid in (0x7FFFFFFF, -1, 0):
    if call(434, pid, 0)[0] >= 0:
        bad.append(f"pidfd of {pid}")
print(bad or "contained")
