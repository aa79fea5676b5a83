# row: 3
# rule: Every mount is nosuid; all are read-only and nodev but the run's own tmpfs and /dev.
# stdout: fine
bad = []
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    place, flags = fields[4], set(fields[5].split(","))
    want = {"nosuid"}
    if place not in ("/box", "/tmp", "/dev/shm"):
        want.add("ro")
    if place != "/dev" and not place.startswith("/dev/") or place == "/dev/shm":
        want.add("nodev")
    if place in ("/tmp", "/dev/shm", "/proc"):
        want.add("noexec")
    if not want <= flags:
        bad.append(line)
print("".join(bad) or "fine")
