#include <iostream>
#include <vector>

int main() {
    int n, k;
    std::cin >> n >> k;

    // Find an order; leave it empty if there is none.
    std::vector<int> row;

    if (row.empty()) std::cout << "impossible";
    for (int pupil : row) std::cout << pupil << ' ';
    std::cout << '\n';
}
