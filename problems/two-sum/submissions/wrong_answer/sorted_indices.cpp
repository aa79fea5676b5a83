// Forgets that sorting moves the numbers.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    long long n, target;
    std::cin >> n >> target;
    std::vector<long long> numbers(n);
    for (auto &number : numbers) std::cin >> number;
    std::sort(numbers.begin(), numbers.end());
    int low = 0, high = n - 1;
    while (numbers[low] + numbers[high] != target) {
        if (numbers[low] + numbers[high] < target) low++;
        else high--;
    }
    std::cout << low << ' ' << high << '\n';
}
