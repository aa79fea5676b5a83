#include <iostream>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::cout << best[n] << '\n';
}
