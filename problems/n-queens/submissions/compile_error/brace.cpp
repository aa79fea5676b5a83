#include <iostream>

int main() {
    int n;
    std::cin >> n;
    for (int y = 0; y < n; y++) {
        std::cout << y << '\n';
}
