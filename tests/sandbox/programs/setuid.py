# row: 12
# rule: A setuid program gains nothing.
# stdout: uid 1000
import os, subprocess
found = subprocess.run(["/bin/su", "-c", "id -u", "root"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
print("root" if found.stdout.strip() == "0" else f"uid {os.geteuid()}")
