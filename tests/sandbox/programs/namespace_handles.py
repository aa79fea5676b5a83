# row: 38
# rule: A program that opens its own namespaces can do nothing with them, nor learn of another's owner.
# stdout: contained
import ctypes, errno, fcntl, os
libc = ctypes.CDLL(None, use_errno=True)
bad = []
NS_GET_USERNS, NS_GET_PARENT = 0xB701, 0xB702
for name in os.listdir("/proc/self/ns"):
    try:
        fd = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
    except OSError:
        continue
    if libc.setns(fd, 0) == 0 or ctypes.get_errno() != errno.EPERM:
        bad.append(("setns", name, ctypes.get_errno()))
    for what in (NS_GET_USERNS, NS_GET_PARENT):
        try:
            other = fcntl.ioctl(fd, what)
        except OSError:
            continue
        # The cell's own user namespace may be held; no way leads up from it.
        try:
            fcntl.ioctl(other, NS_GET_PARENT)
            bad.append(("parent of", name))
        except OSError:
            pass
        if libc.setns(other, 0) == 0:
            bad.append(("entered", name))
print(bad or "contained")
