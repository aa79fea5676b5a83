# row: 56
# rule: A limit below what a program takes to start makes memory_limit, not a failure of the host.
# status: memory_limit
# limits: memory_bytes=1
print("started")
