# row: 57
# rule: Files in /box, /tmp and /dev/shm count as memory.
# grade: full
# status: memory_limit
# limits: memory_bytes=67108864 box_bytes=268435456 file_bytes=268435456 time_s=10 wall_s=20
for place in ("/box/a", "/tmp/b", "/dev/shm/c"):
    with open(place, "wb") as file:
        for _ in range(40):
            file.write(b"x" * (1 << 20))
