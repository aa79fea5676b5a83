# row: 34
# rule: A program can't end its init.
# stdout: alive
import os
try:
    os.kill(1, 9)
except OSError:
    pass
print("alive")
