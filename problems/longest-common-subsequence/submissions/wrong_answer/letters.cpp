// Counts common letters, whatever their order.
#include <algorithm>
#include <iostream>
#include <string>

int main() {
    std::string a, b;
    std::cin >> a >> b;
    int length = 0;
    for (char c = 'a'; c <= 'z'; c++)
        length += std::min(std::count(a.begin(), a.end(), c), std::count(b.begin(), b.end(), c));
    std::cout << length << '\n';
}
