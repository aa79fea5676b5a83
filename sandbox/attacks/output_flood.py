# row: 67
# rule: Output over the cap ends the run; what is kept is exactly the cap.
# status: output_limit
# stdout_bytes: 100000
# limits: output_bytes=100000
while True:
    print("x" * 65536)
