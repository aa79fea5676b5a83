// Drives every road in one direction only.
#include <functional>
#include <iomanip>
#include <iostream>
#include <queue>
#include <utility>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<std::pair<int, double>>> adjacent(n + 1);
    for (int u, v, length, speed; m > 0; m--) {
        std::cin >> u >> v >> length >> speed;
        adjacent[u].emplace_back(v, double(length) / speed);
    }
    using Entry = std::pair<double, int>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    std::vector<bool> done(n + 1);
    queue.emplace(0, 1);
    while (!queue.empty()) {
        auto [time, town] = queue.top();
        queue.pop();
        if (town == n) {
            std::cout << std::setprecision(12) << time << '\n';
            return 0;
        }
        if (done[town]) continue;
        done[town] = true;
        for (auto [other, hours] : adjacent[town]) queue.emplace(time + hours, other);
    }
    std::cout << "impossible\n";
}
