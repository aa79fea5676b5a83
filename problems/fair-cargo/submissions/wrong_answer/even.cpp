class Solution {
public:
    bool canShare(vector<int> &crates) {
        return accumulate(crates.begin(), crates.end(), 0) % 2 == 0;
    }
};
