import math


class Solution:
    def lastServed(self, minutes: List[int], visitors: int) -> int:
        """As if a window could serve a part of a visitor."""
        return math.ceil(visitors / sum(1 / each for each in minutes))
