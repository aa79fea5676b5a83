class Solution {
public:
    vector<string> necklaces(vector<string> &words) { return words.size(); }
};
