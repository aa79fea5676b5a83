# row: 63
# rule: CPU time of double-forked orphans counts.
# status: time_limit
# limits: time_s=0.4 wall_s=60
import os, time
for _ in range(2):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            while True:
                pass
        os._exit(0)
    os.wait()
time.sleep(50)
