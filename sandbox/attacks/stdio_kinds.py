# row: 26
# rule: stdin is a file and stdout and stderr are pipes, so no descriptor can be pushed outside.
# stdout: file pipe pipe ENOTSOCK
import os, socket, stat, errno
kind = lambda fd: {stat.S_IFREG: "file", stat.S_IFIFO: "pipe"}.get(stat.S_IFMT(os.fstat(fd).st_mode), "other")
try:
    socket.send_fds(socket.socket(fileno=os.dup(1)), [b"x"], [0])
    last = "sent"
except OSError as exc:
    last = errno.errorcode[exc.errno]
print(kind(0), kind(1), kind(2), last)
