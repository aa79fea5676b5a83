# row: 37
# rule: No rlimit can be raised, and the out-of-memory score can't be lowered.
# stdout: fine
import resource
bad = []
for name in ("CORE", "CPU", "FSIZE", "NOFILE", "NPROC", "MEMLOCK", "STACK", "MSGQUEUE"):
    number = getattr(resource, "RLIMIT_" + name)
    hard = resource.getrlimit(number)[1]
    if hard == resource.RLIM_INFINITY:
        bad.append(name)
        continue
    try:
        resource.setrlimit(number, (hard + 1, hard + 1))
        bad.append(name)
    except (ValueError, OSError):
        pass
try:
    open("/proc/self/oom_score_adj", "w").write("-1000")
    bad.append("oom")
except OSError:
    pass
print(bad or "fine")
