# row: 57
# rule: Memory files count as memory.
# grade: full
# status: memory_limit
# limits: memory_bytes=67108864 time_s=10 wall_s=20
import os
files = [os.memfd_create("x") for _ in range(200)]
for fd in files:
    os.write(fd, b"x" * (1 << 20))
