import sys

sys.setrecursionlimit(10**6)


class Solution:
    def lowestPass(self, heights: List[List[int]]) -> int:
        rows, columns = len(heights), len(heights[0])
        on_way = set()

        def best(row, column, highest):
            if not (0 <= row < rows and 0 <= column < columns) or (row, column) in on_way:
                return 10**9
            highest = max(highest, heights[row][column])
            if (row, column) == (rows - 1, columns - 1):
                return highest
            on_way.add((row, column))
            found = min(
                best(row + 1, column, highest),
                best(row, column + 1, highest),
                best(row - 1, column, highest),
                best(row, column - 1, highest),
            )
            on_way.discard((row, column))
            return found

        return best(0, 0, 0)
