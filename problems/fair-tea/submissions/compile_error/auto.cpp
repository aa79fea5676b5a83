#include <iostream>

int main() {
    auto ways;
    std::cout << ways << '\n';
}
