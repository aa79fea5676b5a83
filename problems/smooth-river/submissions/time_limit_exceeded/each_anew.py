class Solution:
    def smooth(self, levels: List[float], width: int) -> List[float]:
        return [
            sum(levels[i : i + width]) / width for i in range(len(levels) - width + 1)
        ]
