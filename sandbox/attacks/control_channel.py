# row: 88
# rule: No descriptor leads to whoever reports the result.
# stdout: {9}
import os
codes = set()
for fd in range(3, 256):
    try:
        os.write(fd, b"X" * 21)
        codes.add(0)
    except OSError as exc:
        codes.add(exc.errno)
print(codes)
