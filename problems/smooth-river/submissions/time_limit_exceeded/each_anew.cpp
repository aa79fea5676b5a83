class Solution {
public:
    vector<double> smooth(vector<double> &levels, int width) {
        vector<double> means;
        for (size_t i = 0; i + width <= levels.size(); i++) {
            // Sorted, so that small numbers are added first and nothing is lost.
            vector<double> window(levels.begin() + i, levels.begin() + i + width);
            sort(window.begin(), window.end(), [](double a, double b) { return abs(a) < abs(b); });
            means.push_back(accumulate(window.begin(), window.end(), 0.0) / width);
        }
        return means;
    }
};
