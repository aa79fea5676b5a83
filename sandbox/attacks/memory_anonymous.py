# row: 56
# rule: Memory over the limit ends the run as memory_limit, be it 10 GB.
# status: memory_limit
# limits: memory_bytes=67108864 time_s=10 wall_s=20
held = []
for _ in range(10_000):
    held.append(b"x" * (1 << 20))
