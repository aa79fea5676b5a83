// From one seat to the next: half of the class up, then down by half and one more, or so.
#include <iostream>

int main() {
    int n, k;
    std::cin >> n >> k;
    if (n > 1 && 2 * k > n) {
        std::cout << "impossible\n";
        return 0;
    }
    int half = n / 2, pupil = n % 2 ? half + 1 : half;
    std::cout << pupil;
    for (int seat = 1; seat < n; seat++) {
        bool up = pupil <= half;
        pupil += n % 2 ? (up ? half + 1 : -half) : (up ? half : -half - 1);
        std::cout << '\n' << pupil;
    }
    std::cout << '\n';
}
