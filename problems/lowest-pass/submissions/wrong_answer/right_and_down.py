class Solution:
    def lowestPass(self, heights: List[List[int]]) -> int:
        """Never goes back."""
        best = None
        for row in heights:
            new = []
            for column, height in enumerate(row):
                ways = [best[column]] if best else []
                if column:
                    ways.append(new[-1])
                new.append(max(height, min(ways, default=0)))
            best = new
        return best[-1]
