# row: 15
# rule: proc shows processes and nothing of the kernel or host.
# stdout: 14 absent
import os
names = "sys sysrq-trigger kcore keys kallsyms meminfo cpuinfo net/tcp modules version uptime loadavg stat cgroups"
print(sum(not os.path.exists("/proc/" + name) for name in names.split()), "absent")
