class Solution {
public:
    int lastServed(vector<int> &minutes, int visitors) {
        unsigned low = 0, high = *min_element(minutes.begin(), minutes.end()) * unsigned(visitors);
        while (low < high) {
            unsigned middle = low + (high - low) / 2;
            unsigned long long served = 0;
            for (int each : minutes) served += middle / each;
            if (served >= unsigned(visitors)) high = middle;
            else low = middle + 1;
        }
        return low;
    }
};
