// One counter for all kinds.
#include <iostream>
#include <string>

int main() {
    int k;
    std::cin >> k;
    for (std::string brackets; std::cin >> brackets;) {
        int depth = 0;
        bool valid = true;
        for (char c : brackets) {
            depth += c == '(' || c == '[' || c == '{' ? 1 : -1;
            valid = valid && depth >= 0;
        }
        std::cout << (valid && depth == 0 ? "yes\n" : "no\n");
    }
}
