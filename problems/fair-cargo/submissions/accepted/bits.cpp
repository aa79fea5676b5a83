class Solution {
public:
    bool canShare(vector<int> &crates) {
        bitset<100001> sums;
        sums[0] = true;
        int total = 0;
        for (int crate : crates) {
            sums |= sums << crate;
            total += crate;
        }
        return total % 2 == 0 && sums[total / 2];
    }
};
