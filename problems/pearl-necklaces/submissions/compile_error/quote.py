class Solution:
    def necklaces(self, words):
        return ["abc]
