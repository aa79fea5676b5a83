# row: 36
# rule: No priority can be raised.
# stdout: 3 refused
import os
refused = 0
for attack in (
    lambda: os.nice(-1),
    lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),
):
    try:
        attack()
    except OSError:
        refused += 1
print(refused, "refused")
