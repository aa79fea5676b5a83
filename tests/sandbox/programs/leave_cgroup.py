# row: 35
# rule: No control group's files can be seen, and the run's own place in the tree can't either.
# stdout: []
# limits: time_s=20 wall_s=40
import os
found = []
for root, folders, files in os.walk("/"):
    if root.startswith("/proc"):
        folders.clear()
        continue
    if "cgroup.procs" in files:
        found.append(root)
if "gavel" in open("/proc/self/cgroup").read():
    found.append("name")
print(found)
