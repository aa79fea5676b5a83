# row: 59
# rule: Memory in the extended attributes of files ends at the memory limit, or before it at the box's own.
# status: memory_limit ok
# grade: full
# limits: memory_bytes=67108864 time_s=20 wall_s=40
# memory_below: 70000000
import os
count = 0
try:
    for number in range(4000):
        open(f"/box/{number}", "w").close()
        for name in range(64):
            os.setxattr(f"/box/{number}", f"user.{name}", b"x" * 60000)
            count += 1
except OSError:
    pass
