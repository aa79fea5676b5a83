class Solution:
    def lastServed(self, minutes, visitors):
        return max(minutes
