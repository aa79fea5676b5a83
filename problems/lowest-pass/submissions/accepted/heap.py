import heapq


class Solution:
    def lowestPass(self, heights: List[List[int]]) -> int:
        rows, columns = len(heights), len(heights[0])
        waiting, seen = [(heights[0][0], 0, 0)], {(0, 0)}
        while True:
            highest, row, column = heapq.heappop(waiting)
            if (row, column) == (rows - 1, columns - 1):
                return highest
            for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= r < rows and 0 <= c < columns and (r, c) not in seen:
                    seen.add((r, c))
                    heapq.heappush(waiting, (max(highest, heights[r][c]), r, c))
