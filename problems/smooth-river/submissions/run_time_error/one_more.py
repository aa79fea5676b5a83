class Solution:
    def smooth(self, levels: List[float], width: int) -> List[float]:
        total, means = sum(levels[:width]), []
        for i in range(len(levels) - width + 1):
            means.append(total / width)
            total += levels[i + width] - levels[i]
        return means
