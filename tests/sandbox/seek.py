"""A program's text that looks for a word wherever a program could find one.

It defines ``seek(pattern)``; the pattern must not be an example of itself, as ``b"a[=]b"`` is none.
"""

SEEK = r"""
import os, re, sys
def readable():
    for line in open("/proc/self/maps"):
        span, flags, _, _, _, name = (line.split(maxsplit=5) + [""])[:6]
        first, last = (int(part, 16) for part in span.split("-"))
        if flags[0] == "r" and "[v" not in name:
            with open("/proc/self/mem", "rb", 0) as memory:
                memory.seek(first)
                yield line, memory.read(last - first)
    for name in ("environ", "cmdline", "auxv", "comm"):
        yield name, open(f"/proc/self/{name}", "rb").read()
    for top in ("/box", "/tmp", "/dev/shm", "/etc"):
        for folder, _, files in os.walk(top):
            for name in files:
                if os.path.exists(f"{folder}/{name}"):
                    yield name, open(f"{folder}/{name}", "rb").read()
def seek(pattern):
    return [place for place, text in readable() if re.search(pattern, text)]
"""
