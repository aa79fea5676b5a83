// Fibonacci search: the span shrinks by the golden ratio, and of two marks one is known already.
#include <iostream>
#include <map>

int n;
std::map<int, int> known;

int height(int mark) {
    if (mark > n) return -mark;  // the mountain goes on down
    auto [place, fresh] = known.try_emplace(mark);
    if (fresh) {
        std::cout << "? " << mark << std::endl;
        std::cin >> place->second;
    }
    return place->second;
}

int main() {
    std::cin >> n;
    int small = 1, large = 1, low = 0;
    for (; small + large <= n; std::swap(small, large)) small += large;
    // The summit is behind low, and before low + small + large.
    for (int rest; large > 1 || small > 1; small = rest) {
        if (height(low + small) < height(low + large)) low += small;
        rest = large - small;
        large = small;
    }
    std::cout << "! " << low + 1 << std::endl;
}
