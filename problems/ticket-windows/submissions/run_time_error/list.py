class Solution:
    def lastServed(self, minutes: List[int], visitors: int) -> int:
        """Expects somebody."""
        ends = sorted(each * n for each in minutes for n in range(1, min(visitors, 2000) + 1))
        return ends[visitors - 1]
