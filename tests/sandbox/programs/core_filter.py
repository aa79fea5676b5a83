# row: 54
# rule: Wherever the host sends crashes, no memory goes with them, and no program can change that.
# stdout: 00000000, read-only
import errno
place = "/proc/self/coredump_filter"
try:
    open(place, "w").write("51")
    wrote = "written"
except OSError as exc:
    wrote = "read-only" if exc.errno == errno.EROFS else exc
print(open(place).read().strip() + ",", wrote)
