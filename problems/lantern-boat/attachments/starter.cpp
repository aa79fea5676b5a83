#include <cstdio>
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<double> x(n), h(n);
    for (int i = 0; i < n; i++) std::cin >> x[i] >> h[i];

    // Find the length of the pole.
    double pole = 0;

    std::printf("%.9f\n", pole);
}
