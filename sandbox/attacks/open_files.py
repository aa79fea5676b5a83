# row: 72
# rule: Descriptors end at their limit.
# stdout: EMFILE 256
import errno, os
last = 0
try:
    while True:
        last = os.open("/dev/null", os.O_RDONLY)
except OSError as exc:
    print(errno.errorcode[exc.errno], last + 1)
