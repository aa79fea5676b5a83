class Solution:
    def lastServed(self, minutes: List[int], visitors: int) -> int:
        time = 0
        while sum(time // each for each in minutes) < visitors:
            time += 1
        return time
