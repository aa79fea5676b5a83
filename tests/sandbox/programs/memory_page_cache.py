# row: 60
# rule: Reading more than the limit from files is no use of memory that ends a run.
# stdout: fine
# limits: memory_bytes=33554432 time_s=10 wall_s=20
import os
total = 0
for root, folders, files in os.walk("/usr/lib"):
    if total >= 100 << 20:
        break
    for name in files:
        path = os.path.join(root, name)
        if os.path.isfile(path) and os.path.getsize(path) > 1 << 20 and total < 100 << 20:
            with open(path, "rb") as file:
                while chunk := file.read(1 << 18):
                    total += len(chunk)
print("fine")
