#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<std::string> board(n);
    for (auto &row : board) std::cin >> row;

    // Count the ways to place n queens.
    int ways = 0;

    std::cout << ways << '\n';
}
