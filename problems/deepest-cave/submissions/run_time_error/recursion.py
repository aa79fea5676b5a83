class Solution:
    def deepestWater(self, caves: Optional[TreeNode]) -> int:
        """Is right where the caves are not too deep for Python's recursion."""
        levels = []

        def visit(cave, depth):
            if cave:
                if depth == len(levels):
                    levels.append(0)
                levels[depth] += cave.val
                visit(cave.left, depth + 1)
                visit(cave.right, depth + 1)

        visit(caves, 0)
        return levels[-1] if levels else 0
