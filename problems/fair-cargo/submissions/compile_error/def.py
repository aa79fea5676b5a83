class Solution:
    def canShare(self, crates) -> bool
        return False
