# row: 21
# rule: An abstract unix socket of the host can't be reached.
# args: {abstract}
# stdout: refused
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect("\0" + sys.argv[1])
    print("connected")
except OSError:
    print("refused")
