class Solution:
    def canShare(self, crates: List[int]) -> bool:
        heaviest = max(crates)
        half = sum(crates) / 2
        sums = {0}
        for crate in crates:
            sums |= {each + crate for each in sums}
        return heaviest <= half and half in sums
