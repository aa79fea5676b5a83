# row: 18
# rule: Descriptors left in a socket's queue, in cycles that only the kernel's collector finds, reach no later run.
# runs: 3
# limits: open_files=2000
# stdout: [0, 1, 2, 3] empty
import array, os, socket
fds = sorted(map(int, os.listdir("/proc/self/fd")))
queued = "empty"
for fd in (0, 1, 2):
    try:
        with socket.socket(fileno=os.dup(fd)) as sock:
            sock.recvmsg(1, 4096, socket.MSG_DONTWAIT)
            queued = f"{fd} is a socket"
    except OSError:
        pass
print(fds, queued)
secret = os.memfd_create("secret")
os.write(secret, b"of the run before")
for _ in range(40):
    left, right = socket.socketpair()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [left.fileno(), right.fileno(), secret]))]
    left.sendmsg([b"x"], rights)
    right.sendmsg([b"x"], rights)
    left.detach(), right.detach()
