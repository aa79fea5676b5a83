# row: 61
# rule: A child killed for want of memory makes memory_limit even if its parent exits with 0.
# status: memory_limit
# limits: memory_bytes=67108864 time_s=10 wall_s=20
import os
if os.fork() == 0:
    held = [b"x" * (1 << 20) for _ in range(500)]
    os._exit(0)
os.wait()
print("the parent is fine")
