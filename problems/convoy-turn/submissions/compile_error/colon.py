class Solution:
    def turn(self, convoy, k)
        return convoy
