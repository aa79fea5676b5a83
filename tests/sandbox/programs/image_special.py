# row: 20
# rule: The image holds no socket and no named pipe.
# kernel: not uml
# stdout: []
# limits: time_s=20 wall_s=40
import os, stat
found = []
for root, folders, files in os.walk("/"):
    if root.startswith("/proc"):
        folders.clear()
        continue
    for name in files:
        mode = os.lstat(os.path.join(root, name)).st_mode
        if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
            found.append(os.path.join(root, name))
print(found)
