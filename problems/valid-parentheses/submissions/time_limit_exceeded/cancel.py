# Cancels innermost pairs until none is left: one level of nesting a round.
def is_valid(brackets):
    before = None
    while brackets != before:
        before = brackets
        brackets = brackets.replace("()", "").replace("[]", "").replace("{}", "")
    return not brackets


for _ in range(int(input())):
    print("yes" if is_valid(input()) else "no")
