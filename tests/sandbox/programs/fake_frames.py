# row: 89
# rule: Printing the sandbox's own frames changes nothing.
# status: runtime_error
# exit_code: 3
import os, struct
for kind in b"IPGFXRDUKSOM":
    os.write(1, bytes([kind]) + struct.pack("<idQ", 0, 0, 0))
    os.write(2, bytes([kind]) + b"ok accepted")
os._exit(3)
