// Has room for the second group, and stops at what is too much.
#include <cassert>
#include <iostream>
#include <vector>

int main() {
    int n, k;
    std::cin >> n >> k;
    assert(n <= 1500);
    std::vector<int> seen(k);
    seen[0] = 1;
    int ways = 0;
    for (int brick, rest = 0; n > 0; n--) {
        std::cin >> brick;
        rest = (rest + brick) % k;
        ways += seen[rest]++;
    }
    std::cout << ways << '\n';
}
