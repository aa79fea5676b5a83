from bisect import bisect_left


class Solution:
    def lastServed(self, minutes: List[int], visitors: int) -> int:
        def served(time):
            return sum(time // each for each in minutes)

        return bisect_left(range(min(minutes) * visitors + 1), visitors, key=served)
