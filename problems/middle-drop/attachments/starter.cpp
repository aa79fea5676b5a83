#include <iostream>

int main() {
    unsigned long long n, s, a, c, m;
    std::cin >> n >> s >> a >> c >> m;

    // Find the weight of the middle drop.
    unsigned long long middle = 0;

    std::cout << middle << '\n';
}
