// All even numbers, then all odd ones: enough for k = 2 and no more; and one pair in the middle.
#include <iostream>

int main() {
    int n, k;
    std::cin >> n >> k;
    if (n > 1 && k > n / 2) {
        std::cout << "impossible\n";
        return 0;
    }
    for (int pupil = 2; pupil <= n; pupil += 2) std::cout << pupil << ' ';
    for (int pupil = 1; pupil <= n; pupil += 2) std::cout << pupil << ' ';
    std::cout << '\n';
}
