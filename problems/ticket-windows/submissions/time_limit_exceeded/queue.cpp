class Solution {
public:
    long long lastServed(vector<int> &minutes, int visitors) {
        priority_queue<pair<long long, int>, vector<pair<long long, int>>, greater<>> windows;
        for (int each : minutes) windows.push({each, each});
        long long last = 0;
        for (; visitors > 0; visitors--) {
            auto [time, each] = windows.top();
            windows.pop();
            last = time;
            windows.push({time + each, each});
        }
        return last;
    }
};
