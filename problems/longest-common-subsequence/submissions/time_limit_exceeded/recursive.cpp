// Tries both ways at every difference and remembers nothing.
#include <algorithm>
#include <iostream>
#include <string>

static std::string a, b;

static int lcs(std::size_t i, std::size_t j) {
    if (i == a.size() || j == b.size()) return 0;
    if (a[i] == b[j]) return 1 + lcs(i + 1, j + 1);
    return std::max(lcs(i + 1, j), lcs(i, j + 1));
}

int main() {
    std::cin >> a >> b;
    std::cout << lcs(0, 0) << '\n';
}
