class Solution {
public:
    long long lastServed(vector<int> &minutes, int visitors) {
        long long low = 0, high = 1000000LL * visitors;
        while (low < high) {
            long long middle = (low + high) / 2, served = 0;
            for (int each : minutes) served += middle / each;
            if (served >= visitors) high = middle;
            else low = middle + 1;
        }
        return low;
    }
};
