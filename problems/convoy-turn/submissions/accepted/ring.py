class Solution:
    def turn(self, convoy: Optional[ListNode], k: int) -> Optional[ListNode]:
        if convoy is None:
            return None
        length, last = 1, convoy
        while last.next:
            length, last = length + 1, last.next
        last.next = convoy
        for _ in range(length - k % length):
            last = last.next
        first, last.next = last.next, None
        return first
