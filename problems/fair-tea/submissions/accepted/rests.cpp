// Two ends of a piece have the same rest; each end meets all earlier ones.
#include <iostream>
#include <vector>

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, k;
    std::cin >> n >> k;
    std::vector<int> seen(k);
    seen[0] = 1;
    long long ways = 0;
    for (int brick, rest = 0; n > 0; n--) {
        std::cin >> brick;
        rest = (rest + brick) % k;
        ways += seen[rest]++;
    }
    std::cout << ways << '\n';
}
