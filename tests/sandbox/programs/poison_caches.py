# row: 22
# rule: What one run plants where imports, caches and start files are looked for, the next one does not find.
# runs: 2
# stdout: nothing found, planted at home
import os, sys
POISON = "print('poisoned')\n"
HOME = "/box"
VERSION = "python%d.%d" % sys.version_info[:2]
NAMES = ("sitecustomize.py", "usercustomize.py", "bisect.py", "poison.pth", f"__pycache__/bisect.{sys.implementation.cache_tag}.pyc")
FOLDERS = [*filter(None, sys.path), f"{HOME}/.local/lib/{VERSION}/site-packages", f"{HOME}/.cache/ccache",
           f"{HOME}/.cargo/registry", f"{HOME}/.config", "/tmp", "/dev/shm", "/etc", "/var/tmp", "/root"]
found, planted = [], set()
for folder in dict.fromkeys(FOLDERS):
    for name in NAMES:
        path = f"{folder}/{name}"
        if os.path.exists(path) and "/usr/" not in path and not folder.startswith(sys.base_prefix + "/"):
            found.append(path)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(POISON)
            planted.add(folder)
        except OSError:
            pass
stray = [folder for folder in planted if not folder.startswith((HOME, "/tmp", "/dev/shm"))]
print(found or "nothing found", stray or "planted at home", sep=", ")
