class Solution:
def deepestWater(self, caves):
    return 0
