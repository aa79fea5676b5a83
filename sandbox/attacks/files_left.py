# row: 77
# rule: Files of one run are not there for the next, nor modules planted for its imports.
# runs: 2
# stdout: []
import os
print([os.path.join(place, name) for place in ("/tmp", "/dev/shm") for name in os.listdir(place)] + [n for n in os.listdir("/box") if n != "main.py"])
for place in ("/tmp", "/dev/shm", "/box"):
    open(place + "/sitecustomize.py", "w").write("print('poisoned')")
