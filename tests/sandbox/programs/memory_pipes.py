# row: 58
# rule: Pipe buffers count as memory.
# grade: full
# status: memory_limit
# limits: memory_bytes=16777216 time_s=10 wall_s=20 open_files=4000
import os
pipes = []
data = b"x" * 65536
for _ in range(1500):
    pipes.append(os.pipe())
    os.set_blocking(pipes[-1][1], False)
    try:
        while os.write(pipes[-1][1], data):
            pass
    except BlockingIOError:
        pass
