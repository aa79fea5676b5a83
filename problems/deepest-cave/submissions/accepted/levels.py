class Solution:
    def deepestWater(self, caves: Optional[TreeNode]) -> int:
        level, litres = [caves] if caves else [], 0
        while level:
            litres = sum(cave.val for cave in level)
            below = [side for cave in level for side in (cave.left, cave.right)]
            level = [cave for cave in below if cave]
        return litres
