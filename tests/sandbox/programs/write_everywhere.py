# row: 2
# rule: No folder but /box, /tmp and /dev/shm can be written to.
# stdout: ['/box', '/dev/shm', '/tmp']
# limits: time_s=20 wall_s=40
import os
writable = []
for root, folders, files in os.walk("/"):
    if root.startswith("/proc/"):
        folders.clear()
        continue
    try:
        os.close(os.open(root + "/planted", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        writable.append(root)
    except OSError:
        pass
print(sorted(writable))
