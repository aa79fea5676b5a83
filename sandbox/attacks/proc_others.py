# row: 16
# rule: Nothing of any other process can be read, and of pid 1 neither memory, root, files nor environment.
# stdout: fine
import os
me = os.getpid()
bad = []
for pid in [p for p in os.listdir("/proc") if p.isdigit()] + ["1"]:
    if int(pid) == me:
        continue
    for name in ("mem", "environ", "root", "cwd", "exe", "fd/0", "maps"):
        try:
            if name in ("root", "cwd", "exe"):
                os.readlink(f"/proc/{pid}/{name}")
                bad.append(f"{pid}/{name}")
            elif open(f"/proc/{pid}/{name}", "rb").read(1):
                bad.append(f"{pid}/{name}")
        except OSError:
            pass
print(bad or "fine")
