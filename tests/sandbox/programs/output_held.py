# row: 68
# rule: The run ends with its main process, not when the last copy of stdout is closed.
# stdout: main
# wall_below: 60
import os, time
if os.fork() == 0:
    time.sleep(1000)
print("main")
