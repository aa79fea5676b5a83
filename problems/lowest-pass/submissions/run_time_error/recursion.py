class Solution:
    def lowestPass(self, heights: List[List[int]]) -> int:
        """Floods by recursion, too deep for Python on a large map."""
        rows, columns = len(heights), len(heights[0])
        for level in sorted({height for row in heights for height in row}):
            seen = set()

            def visit(row, column):
                if not (0 <= row < rows and 0 <= column < columns) or (row, column) in seen:
                    return
                if heights[row][column] <= level:
                    seen.add((row, column))
                    visit(row + 1, column)
                    visit(row, column + 1)
                    visit(row - 1, column)
                    visit(row, column - 1)

            visit(0, 0)
            if (rows - 1, columns - 1) in seen:
                return level
