// Counts towns from 0 but not in the input; at() throws at town n.
#include <functional>
#include <iomanip>
#include <iostream>
#include <queue>
#include <utility>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<std::pair<int, double>>> adjacent(n);
    for (int u, v, length, speed; m > 0; m--) {
        std::cin >> u >> v >> length >> speed;
        adjacent.at(u).emplace_back(v, double(length) / speed);
        adjacent.at(v).emplace_back(u, double(length) / speed);
    }
    using Entry = std::pair<double, int>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    std::vector<bool> done(n);
    queue.emplace(0, 1);
    while (!queue.empty()) {
        auto [time, town] = queue.top();
        queue.pop();
        if (town == n) {
            std::cout << std::setprecision(12) << time << '\n';
            return 0;
        }
        if (done.at(town)) continue;
        done.at(town) = true;
        for (auto [other, hours] : adjacent.at(town)) queue.emplace(time + hours, other);
    }
    std::cout << "impossible\n";
}
