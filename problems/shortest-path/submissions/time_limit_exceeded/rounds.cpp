// Goes through all roads until nothing changes any more (Bellman-Ford).
#include <iomanip>
#include <iostream>
#include <limits>
#include <vector>

struct Road {
    int u, v;
    double hours;
};

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<Road> roads(m);
    for (auto &road : roads) {
        double length, speed;
        std::cin >> road.u >> road.v >> length >> speed;
        road.hours = length / speed;
    }
    const double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> best(n + 1, infinity);
    best[1] = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (auto [u, v, hours] : roads) {
            if (best[u] + hours < best[v]) best[v] = best[u] + hours, changed = true;
            if (best[v] + hours < best[u]) best[u] = best[v] + hours, changed = true;
        }
    }
    if (best[n] == infinity) std::cout << "impossible\n";
    else std::cout << std::setprecision(12) << best[n] << '\n';
}
