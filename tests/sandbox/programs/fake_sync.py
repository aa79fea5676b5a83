# row: 53
# rule: sync returns at once without writing back the host's disks.
# stdout: fine
# limits: time_s=6 wall_s=6
import os, time
started = time.perf_counter()
for _ in range(20000):
    os.sync()
print("fine" if time.perf_counter() - started < 5 else "slow")
