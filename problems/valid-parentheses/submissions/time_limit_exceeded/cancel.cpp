// Cancels one innermost pair at a time and begins anew.
#include <iostream>
#include <string>

bool is_valid(std::string brackets) {
    for (bool changed = true; changed;) {
        changed = false;
        for (const char *pair : {"()", "[]", "{}"}) {
            auto at = brackets.find(pair);
            if (at != std::string::npos) {
                brackets.erase(at, 2);
                changed = true;
            }
        }
    }
    return brackets.empty();
}

int main() {
    int k;
    std::cin >> k;
    for (std::string brackets; std::cin >> brackets;)
        std::cout << (is_valid(brackets) ? "yes\n" : "no\n");
}
