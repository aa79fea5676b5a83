class Solution:
    def canShare(self, crates: List[int]) -> bool:
        sums = 1
        for crate in crates:
            sums |= sums << crate
        half, odd = divmod(sum(crates), 2)
        return not odd and sums >> half & 1 == 1
