class Solution:
    def necklaces(self, words: List[str]) -> List[str]:
        return list({min(word[i:] + word[:i] for i in range(len(word))) for word in words})
