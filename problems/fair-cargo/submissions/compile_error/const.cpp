class Solution {
public:
    bool canShare(const vector<int> &crates) {
        crates.push_back(0);
        return false;
    }
};
