"""Run the table of attacks on control groups v2, in a kernel that boots as a process.

``make test-cgroup2`` boots Debian's user-mode-linux (package ``user-mode-linux``) on this machine's
own files, with a v2 tree that has cpu, io, memory and pids, and runs drive.py there: as root, and
in a second kernel at the same time as an ordinary user to whom a group was delegated. Exit code 0
when no program had a fault.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from playground import ORDINARY_ID, build_playground

KERNEL = "linux.uml"
BOOT_S = 1800
SWAP_BYTES = 1 << 30
PYTHON = "/usr/bin/python3"

INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH={place}/lib PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmp /dev/shm 2>/dev/null || {{ mkdir -m 1777 /dev/shm && mount -t tmpfs tmp /dev/shm; }}
ip link set lo up 2>/dev/null
# A program must not get past its memory limit by being swapped out.
mknod /dev/shm/swap b 98 0 && mkswap /dev/shm/swap >/dev/null && swapon /dev/shm/swap
cat /proc/swaps > {place}/{mode}.swaps
cd /
{drive}
sync
echo o > /proc/sysrq-trigger
sleep 60
"""

DRIVE = "{python} {place}/tests/drive.py {place}/build --uml > {place}/{mode}.json 2> {place}/{mode}.err"

DELEGATED = """
echo "+cpu +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/delegated /sys/fs/cgroup/delegated/session
chown -R {user}:{user} /sys/fs/cgroup/delegated
echo "+cpu +memory +pids" > /sys/fs/cgroup/delegated/cgroup.subtree_control
echo 0 > /sys/fs/cgroup/delegated/session/cgroup.procs
setpriv --reuid {user} --regid {user} --clear-groups \\
    {drive}
"""


def boot(place: Path, mode: str) -> "subprocess.Popen[bytes]":
    """Boot a kernel whose init runs the table in *mode* and powers off."""
    drive = DRIVE.format(python=PYTHON, place=place, mode=mode)
    if mode == "delegated":
        drive = DELEGATED.format(user=ORDINARY_ID, drive=drive)
    script = place / f"{mode}.sh"
    script.write_text(INIT.format(place=place, mode=mode, drive=drive))
    script.chmod(0o755)
    swap = place / f"{mode}.swap"
    with swap.open("wb") as file:
        file.truncate(SWAP_BYTES)
    command = [KERNEL, "rootfstype=hostfs", "rootflags=/", "rw", f"init={script}", "mem=2G"]
    command += [f"ubd0={swap}", f"umid={place.name}-{mode}", "con=null", "con0=fd:0,fd:1", "quiet"]
    with (place / f"{mode}.log").open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def end(kernel: "subprocess.Popen[bytes]") -> None:
    """End a kernel that still runs, with all the processes that it is made of."""
    if kernel.poll() is None:
        os.killpg(kernel.pid, signal.SIGKILL)
        kernel.wait()


def report(place: Path, mode: str) -> bool:
    """Print what one mode found; return whether all was as it should be."""
    try:
        found = json.loads((place / f"{mode}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        for name in (f"{mode}.err", f"{mode}.log"):
            if (place / name).exists():
                sys.stdout.write((place / name).read_text(errors="replace")[-3000:])
        sys.stdout.write(f"cgroup v2, {mode}: no result\n")
        return False
    faulty = {name: faults for name, faults in found["faults"].items() if faults}
    for name, faults in faulty.items():
        sys.stdout.write(f"{name}:\n" + "".join(f"    {fault}\n" for fault in faults))
    if "/swap" not in (place / f"{mode}.swaps").read_text():
        sys.stdout.write(f"cgroup v2, {mode}: this kernel took no swap\n")
        return False
    good = not faulty and found["grade"] == "full"
    count = len(found["faults"])
    sys.stdout.write(
        f"cgroup v2, {mode}: grade {found['grade']}, {count - len(faulty)} of {count} contained\n"
    )
    slowest = sorted(found["seconds"].items(), key=lambda each: -each[1])[:12]
    sys.stdout.write(
        f"    slowest: {', '.join(f'{name} {took:.0f} s' for name, took in slowest)}\n"
    )
    return good


def main() -> int:
    """Boot, run, report; however it ends, no kernel is left."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="gavel-cgroup2-") as folder:
        place = Path(folder)
        build_playground(place)
        (place / "tests" / "__pycache__").mkdir(exist_ok=True)
        until = time.monotonic() + BOOT_S
        results = []
        with ExitStack() as running:
            kernels = {}
            for mode in ("root", "delegated"):
                kernels[mode] = boot(place, mode)
                running.callback(end, kernels[mode])
            for mode, kernel in kernels.items():
                with suppress(subprocess.TimeoutExpired):
                    kernel.wait(until - time.monotonic())
                end(kernel)
                results.append(report(place, mode))
        return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
