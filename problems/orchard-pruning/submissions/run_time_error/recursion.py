# One call inside the other for each fork of a deep tree is too much for Python's usual limit.
import sys

sys.setrecursionlimit(1000)


class Solution:
    def prune(self, tree: Optional[TreeNode], least: int) -> Optional[TreeNode]:
        def cut(fork):
            if not fork:
                return None, 0
            fork.left, left = cut(fork.left)
            fork.right, right = cut(fork.right)
            apples = fork.val + left + right
            return (fork, apples) if apples >= least else (None, 0)

        return cut(tree)[0]
