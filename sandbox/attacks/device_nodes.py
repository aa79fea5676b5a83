# row: 14
# rule: The device nodes can be neither changed nor replaced, and there are only five.
# stdout: ['full', 'null', 'random', 'urandom', 'zero'] 15 refused
import os
nodes = sorted(n for n in os.listdir("/dev") if not os.path.islink("/dev/" + n) and n != "shm")
refused = 0
for node in nodes:
    for attack in (lambda p: os.chmod(p, 0), lambda p: os.unlink(p), lambda p: os.rename("/box/x", p)):
        open("/box/x", "w").close()
        try:
            attack("/dev/" + node)
        except OSError:
            refused += 1
print(nodes, refused, "refused")
