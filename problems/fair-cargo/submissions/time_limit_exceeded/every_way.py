class Solution:
    def canShare(self, crates: List[int]) -> bool:
        def fits(number, left):
            if left <= 0 or number == len(crates):
                return left == 0
            return fits(number + 1, left - crates[number]) or fits(number + 1, left)

        return sum(crates) % 2 == 0 and fits(0, sum(crates) // 2)
