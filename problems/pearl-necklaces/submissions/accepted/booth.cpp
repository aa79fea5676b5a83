class Solution {
    // Where the least turn of a word begins, in linear time.
    static int least(const string &word) {
        int n = word.size(), i = 0, j = 1, k = 0;
        while (i < n && j < n && k < n) {
            char a = word[(i + k) % n], b = word[(j + k) % n];
            if (a == b) {
                k++;
                continue;
            }
            (a > b ? i : j) += k + 1;
            if (i == j) j++;
            k = 0;
        }
        return min(i, j);
    }

public:
    vector<string> necklaces(vector<string> &words) {
        set<string> found;
        for (const string &word : words) {
            int start = least(word);
            found.insert(word.substr(start) + word.substr(0, start));
        }
        return {found.begin(), found.end()};
    }
};
