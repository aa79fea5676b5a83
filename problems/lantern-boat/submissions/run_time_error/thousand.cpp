// Has room for a thousand lanterns.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

std::array<double, 1000> x, h;

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    for (int i = 0; i < n; i++)
        if (std::scanf("%lf %lf", &x.at(i), &h.at(i)) != 2) return 1;
    double low = -1e6, high = 1e6, most = 0;
    for (int round = 0; round < 60; round++) {
        double boat = (low + high) / 2, where = 0;
        most = -1;
        for (int i = 0; i < n; i++)
            if (double length = std::hypot(x[i] - boat, h[i]); length > most) {
                most = length;
                where = x[i];
            }
        (where > boat ? low : high) = boat;
    }
    std::printf("%.9f\n", most);
}
