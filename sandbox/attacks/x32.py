# row: 47
# rule: The x32 system call table kills.
# machine: x86_64
# status: runtime_error
# signal: SIGSYS
import ctypes
print(ctypes.CDLL(None).syscall(ctypes.c_long(0x40000027)))
