class Solution {
    static bool same(string one, const string &other) {
        bool found = false;
        for (size_t i = 0; i < one.size(); i++) {
            rotate(one.begin(), one.begin() + 1, one.end());
            found = found || one == other;
        }
        return found;
    }

public:
    vector<string> necklaces(vector<string> &words) {
        vector<string> different;
        for (size_t i = 0; i < words.size(); i++) {
            bool before = false;
            for (size_t j = 0; j < words.size(); j++)
                if (same(words[i], words[j]) && j < i) before = true;
            if (before) continue;
            string best = words[i], word = best;
            for (size_t k = 0; k < word.size(); k++) {
                rotate(word.begin(), word.begin() + 1, word.end());
                best = min(best, word);
            }
            different.push_back(best);
        }
        return different;
    }
};
