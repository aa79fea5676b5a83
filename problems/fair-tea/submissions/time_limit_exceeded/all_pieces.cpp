// Adds up each piece anew.
#include <iostream>
#include <vector>

int main() {
    int n, k;
    std::cin >> n >> k;
    std::vector<int> bricks(n);
    for (int &brick : bricks) std::cin >> brick;
    long long ways = 0;
    for (int left = 0; left < n; left++)
        for (int right = left; right < n; right++) {
            long long weight = 0;
            for (int i = left; i <= right; i++) weight = (weight + bricks[i]) % k;
            ways += weight == 0;
        }
    std::cout << ways << '\n';
}
