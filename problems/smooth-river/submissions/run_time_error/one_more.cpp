class Solution {
public:
    vector<double> smooth(vector<double> &levels, int width) {
        double total = accumulate(levels.begin(), levels.begin() + width, 0.0);
        vector<double> means;
        for (size_t i = 0; i + width <= levels.size(); i++) {
            means.push_back(total / width);
            total += levels.at(i + width) - levels[i];
        }
        return means;
    }
};
