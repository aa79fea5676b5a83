# Adds up what a fork carries, that which has been cut off, too.
class Solution:
    def prune(self, tree: Optional[TreeNode], least: int) -> Optional[TreeNode]:
        walk, bears = [tree] if tree else [], {}
        for fork in walk:
            walk += [branch for branch in (fork.left, fork.right) if branch]
        for fork in reversed(walk):
            bears[fork] = fork.val + sum(bears[each] for each in (fork.left, fork.right) if each)
        for fork in walk:
            if fork.left and bears[fork.left] < least:
                fork.left = None
            if fork.right and bears[fork.right] < least:
                fork.right = None
        return tree if tree and bears[tree] >= least else None
