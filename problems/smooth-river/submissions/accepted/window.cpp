class Solution {
public:
    vector<double> smooth(vector<double> &levels, int width) {
        vector<double> means;
        double total = 0;
        for (int i = 0; i < int(levels.size()); i++) {
            total += levels[i] - (i >= width ? levels[i - width] : 0);
            if (i >= width - 1) means.push_back(total / width);
        }
        return means;
    }
};
