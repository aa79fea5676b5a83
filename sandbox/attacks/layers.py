# row: 109
# rule: No layer is silently missing: two filters, no privilege, a name of its own, Landlock where the kernel has it.
# stdout: {'NoNewPrivs': '1', 'Seccomp': '2', 'Seccomp_filters': '2', 'CapPrm': '0', 'CapEff': '0', 'CapBnd': '0', 'CapAmb': '0', 'host': 'gavel', 'landlock': 'there'}
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
status = {name: value.strip() for name, _, value in (line.partition(":") for line in open("/proc/self/status"))}
seen = {name: status.get(name, "2").lstrip("0") or "0" for name in ("NoNewPrivs", "Seccomp", "Seccomp_filters", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
seen["host"] = os.uname().nodename
# A process may stack 16 Landlock rulesets; where the kernel has Landlock, one is there already.
rules = ctypes.create_string_buffer((1).to_bytes(8, "little"), 8)
left = 0
if libc.syscall(444, None, ctypes.c_long(0), ctypes.c_long(1)) > 0:
    while (fd := libc.syscall(444, rules, ctypes.c_long(8), ctypes.c_long(0))) >= 0 and libc.syscall(446, ctypes.c_long(fd), ctypes.c_long(0)) == 0:
        os.close(fd)
        left += 1
seen["landlock"] = "there" if left in (0, 15) else f"{16 - left} layers"
print(seen)
