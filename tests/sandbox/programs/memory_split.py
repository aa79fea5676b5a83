# row: 62
# rule: The memory of all processes counts together.
# status: memory_limit
# limits: memory_bytes=134217728 time_s=10 wall_s=20
import os, time
for _ in range(4):
    if os.fork() == 0:
        held = os.urandom(1 << 20) * 50
        time.sleep(5)
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
