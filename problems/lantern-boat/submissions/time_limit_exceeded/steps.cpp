// Tries every millimetre.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<double> x(n), h(n);
    for (int i = 0; i < n; i++)
        if (std::scanf("%lf %lf", &x[i], &h[i]) != 2) return 1;
    auto [low, high] = std::minmax_element(x.begin(), x.end());
    double least = 1e18;
    for (double boat = *low; boat <= *high; boat += 0.001) {
        double most = 0;
        for (int i = 0; i < n; i++) most = std::max(most, std::hypot(x[i] - boat, h[i]));
        least = std::min(least, most);
    }
    std::printf("%.9f\n", least);
}
