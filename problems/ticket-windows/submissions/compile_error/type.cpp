class Solution {
public:
    long long lastServed(vector<int> &minutes, int visitors) { return minutes; }
};
