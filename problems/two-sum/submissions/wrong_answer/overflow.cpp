// Adds in 32 bits.
#include <cstdint>
#include <iostream>
#include <vector>

int main() {
    std::int64_t n, wide_target;
    std::cin >> n >> wide_target;
    const auto target = static_cast<std::uint32_t>(wide_target);
    std::vector<std::uint32_t> numbers(n);
    for (auto &number : numbers) {
        std::int64_t wide;
        std::cin >> wide;
        number = static_cast<std::uint32_t>(wide);
    }
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n && j < i + 1000; j++)
            if (numbers[i] + numbers[j] == target) {
                std::cout << i << ' ' << j << '\n';
                return 0;
            }
}
