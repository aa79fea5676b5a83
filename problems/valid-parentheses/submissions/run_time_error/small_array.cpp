// Believes that nothing nests deeper than 1000; at() throws.
#include <array>
#include <iostream>
#include <string>

int main() {
    int k;
    std::cin >> k;
    for (std::string brackets; std::cin >> brackets;) {
        std::array<char, 1000> expected;
        std::size_t depth = 0;
        bool valid = true;
        for (char c : brackets) {
            if (c == '(') expected.at(depth++) = ')';
            else if (c == '[') expected.at(depth++) = ']';
            else if (c == '{') expected.at(depth++) = '}';
            else if (depth == 0 || expected.at(--depth) != c) {
                valid = false;
                break;
            }
        }
        std::cout << (valid && depth == 0 ? "yes\n" : "no\n");
    }
}
