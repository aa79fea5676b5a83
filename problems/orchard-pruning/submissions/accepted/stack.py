# Parents come before what they carry in the order of the walk; so backwards, all is cut in time.
class Solution:
    def prune(self, tree: Optional[TreeNode], least: int) -> Optional[TreeNode]:
        root = TreeNode(0)
        root.left = tree
        walk = [root]
        for fork in walk:
            walk += [branch for branch in (fork.left, fork.right) if branch]
        bears = {}

        def cut(branch):
            return branch if branch and bears[branch] >= least else None

        for fork in reversed(walk):
            fork.left, fork.right = cut(fork.left), cut(fork.right)
            bears[fork] = fork.val + sum(bears[each] for each in (fork.left, fork.right) if each)
        return root.left
