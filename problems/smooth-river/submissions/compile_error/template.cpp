class Solution {
public:
    vector<double> smooth(vector<double &levels, int width) { return levels; }
};
