class Solution:
    def turn(self, convoy: Optional[ListNode], k: int) -> Optional[ListNode]:
        for _ in range(k if convoy and convoy.next else 0):
            at = convoy
            while at.next.next:
                at = at.next
            last, at.next = at.next, None
            last.next, convoy = convoy, last
        return convoy
