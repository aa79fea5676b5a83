#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main() {
    std::string a, b;
    std::cin >> a >> b;
    std::vector<int> row(b.size() + 1);
    for (char x : a) {
        int diagonal = 0;
        for (std::size_t j = 1; j <= b.size(); j++) {
            int above = row[j];
            row[j] = x == b[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
            diagonal = above;
        }
    }
    std::cout << row.back() << '\n';
}
