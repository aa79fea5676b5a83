# row: 70
# rule: The input can't be written or cut.
# stdin: 1000
# stdout: 4 refused
import mmap, os
refused = 0
for attack in (
    lambda: os.write(0, b"x"),
    lambda: os.ftruncate(0, 0),
    lambda: os.write(os.open("/proc/self/fd/0", os.O_RDWR), b"x"),
    lambda: mmap.mmap(0, 1000, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
):
    try:
        attack()
    except OSError:
        refused += 1
print(refused, "refused")
