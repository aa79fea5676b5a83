# row: 5
# rule: A symlink left as an output file is not followed, absolute, relative, magic or to a folder.
# collect: a b c plain
# files: plain=fine
import os
os.symlink("/etc/passwd", "a")
os.symlink("../etc/passwd", "b")
os.symlink("/proc/self/root/etc/passwd", "c")
os.symlink("/etc", "d")
open("plain", "w").write("fine")
