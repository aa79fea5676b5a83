# row: 21
# rule: An abstract unix socket of the host can't be reached.
# given: {abstract}
# stdout: refused
import socket
try:
    socket.socket(socket.AF_UNIX).connect("\0" + open("given").read())
    print("connected")
except OSError:
    print("refused")
