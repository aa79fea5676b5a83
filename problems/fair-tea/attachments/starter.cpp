#include <iostream>
#include <vector>

int main() {
    int n, k;
    std::cin >> n >> k;
    std::vector<int> bricks(n);
    for (int &brick : bricks) std::cin >> brick;

    // Count the ways.
    long long ways = 0;

    std::cout << ways << '\n';
}
