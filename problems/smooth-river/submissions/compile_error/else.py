class Solution:
    def smooth(self, levels, width):
        return levels if width == 1 else
