# row: 23
# rule: No place on which anything is mounted can be renamed, removed, covered by a link or swapped for another.
# stdout: held
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
RENAME_EXCHANGE = 2
os.mkdir("/box/mine")
bad = []
before = open("/proc/self/mountinfo").read()
points = [line.split()[4] for line in before.splitlines() if line.split()[4] != "/"]
for point in points:
    for name, call in {
        "rename": lambda: os.rename(point, "/box/away"),
        "exchange": lambda: libc.renameat2(-100, point.encode(), -100, b"/box/mine", RENAME_EXCHANGE) == 0 or os.stat("/absent"),
        "rmdir": lambda: os.rmdir(point),
        "unlink": lambda: os.unlink(point),
        "link": lambda: os.symlink("/box", point),
        "replace": lambda: os.rename("/box/mine", point),
    }.items():
        try:
            call()
            bad.append((name, point))
        except OSError:
            pass
if open("/proc/self/mountinfo").read() != before:
    bad.append("the mounts changed")
print(bad or "held")
