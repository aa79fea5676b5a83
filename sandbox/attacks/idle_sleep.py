# row: 66
# rule: Waiting without using CPU ends at the wall clock limit.
# status: idle_limit
# limits: time_s=2 wall_s=0.3
import os, select, signal, time
time.sleep(100)
