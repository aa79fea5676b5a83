// The number of ways does not fit into 32 bits.
#include <iostream>
#include <vector>

int main() {
    std::ios::sync_with_stdio(false);
    int n, k;
    std::cin >> n >> k;
    std::vector<int> seen(k);
    seen[0] = 1;
    unsigned ways = 0;
    for (int brick, rest = 0; n > 0; n--) {
        std::cin >> brick;
        rest = (rest + brick) % k;
        ways += seen[rest]++;
    }
    std::cout << ways << '\n';
}
