// Keeps a longest subsequence itself in every cell of the table.
#include <iostream>
#include <string>
#include <vector>

int main() {
    std::string a, b;
    std::cin >> a >> b;
    std::vector<std::vector<std::string>> table(
        a.size() + 1, std::vector<std::string>(b.size() + 1));
    for (std::size_t i = 1; i <= a.size(); i++)
        for (std::size_t j = 1; j <= b.size(); j++) {
            const auto &above = table[i - 1][j], &left = table[i][j - 1];
            if (a[i - 1] == b[j - 1]) table[i][j] = table[i - 1][j - 1] + a[i - 1];
            else table[i][j] = above.size() > left.size() ? above : left;
        }
    std::cout << table[a.size()][b.size()].size() << '\n';
}
