#include <iostream>
#include <string>

bool is_valid(const std::string &brackets) {
    return true;
}

int main() {
    int k;
    std::cin >> k;
    for (std::string brackets; std::cin >> brackets;)
        std::cout << (is_valid(brackets) ? "yes\n" : "no\n");
}
