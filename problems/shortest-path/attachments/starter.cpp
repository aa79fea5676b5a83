#include <iomanip>
#include <iostream>
#include <vector>

struct Road {
    int u, v, length, speed;
};

int main() {
    std::ios::sync_with_stdio(false);
    int n, m;
    std::cin >> n >> m;
    std::vector<Road> roads(m);
    for (auto &[u, v, length, speed] : roads) std::cin >> u >> v >> length >> speed;

    // Find the least time from town 1 to town n.
    double hours = -1;

    if (hours < 0) std::cout << "impossible\n";
    else std::cout << std::setprecision(12) << hours << '\n';
}
