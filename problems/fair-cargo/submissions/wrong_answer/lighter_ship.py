class Solution:
    def canShare(self, crates: List[int]) -> bool:
        """Puts each crate, the heaviest first, on the lighter ship."""
        one = other = 0
        for crate in sorted(crates, reverse=True):
            if one <= other:
                one += crate
            else:
                other += crate
        return one == other
