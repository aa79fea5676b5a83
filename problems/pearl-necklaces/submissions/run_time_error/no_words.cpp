class Solution {
public:
    vector<string> necklaces(vector<string> &words) {
        set<string> found{words.at(0)};
        found.clear();
        for (string word : words) {
            string best = word;
            for (size_t i = 0; i < word.size(); i++) {
                rotate(word.begin(), word.begin() + 1, word.end());
                best = min(best, word);
            }
            found.insert(best);
        }
        return {found.begin(), found.end()};
    }
};
