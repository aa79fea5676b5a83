# row: 71
# rule: The box is full at its caps on bytes and inodes, a file at the cap on its size.
# stdout: ENOSPC ENOSPC EFBIG
# limits: box_bytes=8388608 box_inodes=100 file_bytes=4194304
import errno, os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def fill(attack):
    try:
        while True:
            attack()
    except OSError as exc:
        return errno.errorcode[exc.errno]
count = iter(range(10000))
def many():
    open("n%d" % next(count), "w").close()
def inodes():
    answer = fill(many)
    for name in os.listdir("."):
        os.unlink(name)
    return answer
def bytes_():
    def attack():
        with open("b%d" % next(count), "wb") as file:
            file.write(bytes(1 << 20))
    answer = fill(attack)
    for name in os.listdir("."):
        os.unlink(name)
    return answer
def big():
    file = open("big", "wb", buffering=0)
    return fill(lambda: file.write(bytes(1 << 20)))
print(inodes(), bytes_(), big())
