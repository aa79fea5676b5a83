// Waits for a difference of 0, which no neighbours have; asks only once, so it is not refused.
#include <iostream>

int main() {
    int n, first, last;
    std::cin >> n;
    std::cout << "? 1" << std::endl;
    std::cin >> first;
    std::cout << "? " << n << std::endl;
    std::cin >> last;
    volatile int left = 1, right = n + 1;
    while (left != right) left = (left + 1) % right;
    std::cout << "! " << left << std::endl;
}
