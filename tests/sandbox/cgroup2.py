"""Run the table of attacks on control groups v2, in a kernel that boots as a process.

``make test-cgroup2`` boots Debian's user-mode-linux (package ``user-mode-linux``) on this machine's
own files, with a v2 tree that has cpu, io, memory and pids, and runs drive.py there twice: as root,
and as an ordinary user to whom a group was delegated. Exit code 0 when no program had a fault.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from playground import ORDINARY_ID, build_playground

KERNEL = "linux.uml"
BOOT_S = 1800
PYTHON = "/usr/bin/python3"

INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH={place}/lib PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmp /dev/shm 2>/dev/null || {{ mkdir -m 1777 /dev/shm && mount -t tmpfs tmp /dev/shm; }}
ip link set lo up 2>/dev/null
cd /
{python} {place}/tests/drive.py {place}/build --uml > {place}/root.json 2> {place}/root.err
echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/delegated /sys/fs/cgroup/delegated/session
chown -R {user}:{user} /sys/fs/cgroup/delegated
echo "+memory +pids" > /sys/fs/cgroup/delegated/cgroup.subtree_control
(
  echo 0 > /sys/fs/cgroup/delegated/session/cgroup.procs
  echo "+memory +pids" > /sys/fs/cgroup/delegated/cgroup.subtree_control
  exec setpriv --reuid {user} --regid {user} --clear-groups \\
    {python} {place}/tests/drive.py {place}/build --uml > {place}/delegated.json 2> {place}/delegated.err
)
sync
echo o > /proc/sysrq-trigger
sleep 60
"""


def boot(place: Path) -> None:
    """Boot the kernel with our init and wait until it powers off."""
    script = place / "init.sh"
    script.write_text(INIT.format(place=place, python=PYTHON, user=ORDINARY_ID))
    script.chmod(0o755)
    command = [KERNEL, "rootfstype=hostfs", "rootflags=/", "rw", f"init={script}", "mem=2G"]
    command += ["con=null", "con0=fd:0,fd:1", "quiet"]
    with (place / "boot.log").open("wb") as log:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=BOOT_S, check=False
        )


def report(place: Path, mode: str) -> bool:
    """Print what one mode found; return whether all was as it should be."""
    try:
        found = json.loads((place / f"{mode}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        for name in (f"{mode}.err", "boot.log"):
            if (place / name).exists():
                sys.stdout.write((place / name).read_text(errors="replace")[-3000:])
        sys.stdout.write(f"cgroup v2, {mode}: no result\n")
        return False
    faulty = {name: faults for name, faults in found["faults"].items() if faults}
    for name, faults in faulty.items():
        sys.stdout.write(f"{name}:\n" + "".join(f"    {fault}\n" for fault in faults))
    good = not faulty and found["grade"] == "full"
    count = len(found["faults"])
    sys.stdout.write(
        f"cgroup v2, {mode}: grade {found['grade']}, {count - len(faulty)} of {count} contained\n"
    )
    return good


def main() -> int:
    """Boot, run, report."""
    with tempfile.TemporaryDirectory(prefix="gavel-cgroup2-") as folder:
        place = Path(folder)
        build_playground(place)
        (place / "tests" / "__pycache__").mkdir(exist_ok=True)
        boot(place)
        results = [report(place, mode) for mode in ("root", "delegated")]
        return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
