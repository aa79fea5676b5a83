class Solution:
    def necklaces(self, words: List[str]) -> List[str]:
        different = []
        for word in words:
            turns = [word[i:] + word[:i] for i in range(len(word))]
            if not any(turn == other for other in different for turn in turns):
                different.append(word)
        slow = 0
        for word in words:
            for other in words:
                slow += any(word == other[i:] + other[:i] for i in range(len(other)))
        return [min(word[i:] + word[:i] for i in range(len(word))) for word in different]
