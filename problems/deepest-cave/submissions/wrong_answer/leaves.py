class Solution:
    def deepestWater(self, caves: Optional[TreeNode]) -> int:
        """Takes every cave without shafts for a deepest one."""
        waiting, litres = [caves] if caves else [], 0
        while waiting:
            cave = waiting.pop()
            below = [side for side in (cave.left, cave.right) if side]
            litres += 0 if below else cave.val
            waiting += below
        return litres
