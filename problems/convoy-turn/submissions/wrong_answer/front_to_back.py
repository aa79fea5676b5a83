class Solution:
    def turn(self, convoy: Optional[ListNode], k: int) -> Optional[ListNode]:
        """Sends the first to the back."""
        values = []
        while convoy:
            values.append(convoy.val)
            convoy = convoy.next
        k %= len(values) or 1
        for value in reversed(values[k:] + values[:k]):
            convoy = ListNode(value, convoy)
        return convoy
