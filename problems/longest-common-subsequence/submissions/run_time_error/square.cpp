// Makes the table as wide as it is high; at() throws when the second string is the longer one.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main() {
    std::string a, b;
    std::cin >> a >> b;
    std::vector<std::vector<int>> table(a.size() + 1, std::vector<int>(a.size() + 1));
    for (std::size_t i = 1; i <= a.size(); i++)
        for (std::size_t j = 1; j <= b.size(); j++)
            table.at(i).at(j) = a[i - 1] == b[j - 1]
                                    ? table.at(i - 1).at(j - 1) + 1
                                    : std::max(table.at(i - 1).at(j), table.at(i).at(j - 1));
    std::cout << table.at(a.size()).at(b.size()) << '\n';
}
