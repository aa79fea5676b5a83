#include <iostream>
#include <string>

bool is_valid(const std::string &brackets) {
    std::string expected;
    for (char c : brackets) {
        if (c == '(') expected += ')';
        else if (c == '[') expected += ']';
        else if (c == '{') expected += '}';
        else if (expected.empty() || expected.back() != c) return false;
        else expected.pop_back();
    }
    return expected.empty();
}

int main() {
    std::ios::sync_with_stdio(false);
    int k;
    std::cin >> k;
    for (std::string brackets; std::cin >> brackets;)
        std::cout << (is_valid(brackets) ? "yes\n" : "no\n");
}
