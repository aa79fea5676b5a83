import sys

sys.setrecursionlimit(10**6)


class Solution:
    def depth(self, cave):
        if not cave:
            return 0
        if self.depth(cave.left) > self.depth(cave.right):
            return 1 + self.depth(cave.left)
        return 1 + self.depth(cave.right)

    def deepestWater(self, caves: Optional[TreeNode]) -> int:
        if not caves:
            return 0
        left, right = self.depth(caves.left), self.depth(caves.right)
        if not left and not right:
            return caves.val
        return (self.deepestWater(caves.left) if left >= right else 0) + (
            self.deepestWater(caves.right) if right >= left else 0
        )
