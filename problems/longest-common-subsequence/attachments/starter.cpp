#include <iostream>
#include <string>

int main() {
    std::string a, b;
    std::cin >> a >> b;

    // Find the length of their longest common subsequence.
    int length = 0;

    std::cout << length << '\n';
}
