// Turns necklaces over as well.
class Solution {
public:
    vector<string> necklaces(vector<string> &words) {
        set<string> found;
        for (string word : words) {
            string best = word;
            for (int side = 0; side < 2; side++) {
                for (size_t i = 0; i < word.size(); i++) {
                    best = min(best, word);
                    rotate(word.begin(), word.begin() + 1, word.end());
                }
                reverse(word.begin(), word.end());
            }
            found.insert(best);
        }
        return {found.begin(), found.end()};
    }
};
