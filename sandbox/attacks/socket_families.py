# row: 44
# rule: Every socket family but AF_UNIX is refused with EAFNOSUPPORT.
# stdout: {97} unix
import errno, socket
codes = set()
for family in [0, *range(2, 46)]:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
            codes.add("opened %d" % family)
        except OSError as exc:
            codes.add(exc.errno)
socket.socketpair(socket.AF_UNIX)
print(codes, "unix")
