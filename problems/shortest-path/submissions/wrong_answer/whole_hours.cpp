// Divides integers.
#include <iostream>
#include <queue>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<std::pair<int, int>>> adjacent(n + 1);
    for (int u, v, length, speed; m > 0; m--) {
        std::cin >> u >> v >> length >> speed;
        adjacent[u].emplace_back(v, length / speed);
        adjacent[v].emplace_back(u, length / speed);
    }
    std::vector<int> best(n + 1, 1 << 30);
    std::priority_queue<std::pair<int, int>> queue;
    queue.emplace(0, 1);
    best[1] = 0;
    while (!queue.empty()) {
        auto [time, town] = queue.top();
        queue.pop();
        if (-time > best[town]) continue;
        for (auto [other, hours] : adjacent[town])
            if (best[town] + hours < best[other]) {
                best[other] = best[town] + hours;
                queue.emplace(-best[other], other);
            }
    }
    if (best[n] == 1 << 30) std::cout << "impossible\n";
    else std::cout << best[n] << '\n';
}
