class Solution {
public:
    int lowestPass(vector<vector<int>> &heights) { return heights[0][0] }
};
