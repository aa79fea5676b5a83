// Ternary search: the distance to the farthest lantern falls and then rises.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

int n;
std::vector<double> x, h;

double pole(double boat) {
    double most = 0;
    for (int i = 0; i < n; i++) most = std::max(most, (x[i] - boat) * (x[i] - boat) + h[i] * h[i]);
    return most;
}

int main() {
    if (std::scanf("%d", &n) != 1) return 1;
    x.resize(n);
    h.resize(n);
    for (int i = 0; i < n; i++)
        if (std::scanf("%lf %lf", &x[i], &h[i]) != 2) return 1;
    double low = -1e6, high = 1e6;
    for (int round = 0; round < 100; round++) {
        double left = low + (high - low) / 3, right = high - (high - low) / 3;
        if (pole(left) < pole(right)) high = right;
        else low = left;
    }
    std::printf("%.9e\n", std::sqrt(pole(low)));
}
