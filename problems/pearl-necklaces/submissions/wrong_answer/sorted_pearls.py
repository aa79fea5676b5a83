class Solution:
    def necklaces(self, words: List[str]) -> List[str]:
        """Takes necklaces of the same pearls for the same."""
        return list({"".join(sorted(word)) for word in words})
