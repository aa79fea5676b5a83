#include <iostream>
#include <vector>

int main() {
    long long n, target;
    std::cin >> n >> target;
    std::vector<long long> numbers(n);
    for (auto &number : numbers) std::cin >> number;
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            if (numbers[i] + numbers[j] == target) {
                std::cout << i << ' ' << j << '\n';
                return 0;
            }
}
