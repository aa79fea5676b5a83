# row: 82
# rule: A run of 150 MB reports 150 MB.
# limits: memory_bytes=268435456
# memory_above: 150000000
held = b"x" * 150_000_000
