# row: 37
# rule: No limit can be set for the run's init: without memory it could not tell how the program ended.
# stdout: nothing set
import resource
done = []
for name in ("AS", "DATA", "STACK", "FSIZE", "NOFILE", "CPU", "NPROC"):
    try:
        resource.prlimit(1, getattr(resource, "RLIMIT_" + name), (1 << 40, 1 << 40))
        done.append(name)
    except PermissionError:
        pass
    except ValueError:  # asked for more than it has, which only who may lower it is told
        done.append(name)
print(*done or ["nothing set"])
