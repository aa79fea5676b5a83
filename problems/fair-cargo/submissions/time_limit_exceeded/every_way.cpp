class Solution {
    bool fits(const vector<int> &crates, size_t number, int left) {
        if (left <= 0 || number == crates.size()) return left == 0;
        return fits(crates, number + 1, left - crates[number]) || fits(crates, number + 1, left);
    }

public:
    bool canShare(vector<int> &crates) {
        int total = accumulate(crates.begin(), crates.end(), 0);
        return total % 2 == 0 && fits(crates, 0, total / 2);
    }
};
