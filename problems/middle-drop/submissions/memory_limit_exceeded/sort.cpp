// Keeps all drops: 16 MB of them.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <vector>

int main() {
    unsigned long long n, s, a, c, m;
    std::cin >> n >> s >> a >> c >> m;
    std::vector<std::uint64_t> drops(n);
    for (auto &drop : drops) {
        drop = s;
        s = (a * s + c) % m;
    }
    std::nth_element(drops.begin(), drops.begin() + n / 2, drops.end());
    std::cout << drops[n / 2] << '\n';
}
