# Cuts one leaf, then looks at the whole tree anew.
class Solution:
    def prune(self, tree: Optional[TreeNode], least: int) -> Optional[TreeNode]:
        root = TreeNode(0)
        root.left = tree
        cut = True
        while cut:
            cut, walk = False, [root]
            for fork in walk:
                walk += [branch for branch in (fork.left, fork.right) if branch]
            bears = {}
            for fork in reversed(walk):
                for side in ("left", "right"):
                    branch = getattr(fork, side)
                    if branch and bears[branch] < least and not cut:
                        setattr(fork, side, None)
                        cut = True
                branches = (fork.left, fork.right)
                bears[fork] = fork.val + sum(bears[each] for each in branches if each)
        return root.left
