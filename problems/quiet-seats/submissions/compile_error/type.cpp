#include <iostream>

int main() {
    int n, k;
    std::cin >> n >> k;
    std::vector row(n, "impossible") + k;
}
