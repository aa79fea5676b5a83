// Prints six digits and searches for whole metres only.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<double> x(n), h(n);
    for (int i = 0; i < n; i++) std::cin >> x[i] >> h[i];
    double low = -1e6, high = 1e6, most = 0;
    while (high - low > 1) {
        double boat = (low + high) / 2, where = 0;
        most = -1;
        for (int i = 0; i < n; i++)
            if (double length = std::hypot(x[i] - boat, h[i]); length > most) {
                most = length;
                where = x[i];
            }
        (where > boat ? low : high) = boat;
    }
    std::cout << most << '\n';
}
