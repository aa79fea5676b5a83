from itertools import accumulate


class Solution:
    def smooth(self, levels: List[float], width: int) -> List[float]:
        sums = [0.0, *accumulate(levels)]
        return [(b - a) / width for a, b in zip(sums, sums[width:])]
