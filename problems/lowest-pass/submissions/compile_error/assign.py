class Solution:
    def lowestPass(self, heights):
        if heights[0][0] = 1:
            return 1
