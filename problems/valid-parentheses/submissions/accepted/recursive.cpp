// Half a million calls deep on the deepest test: a stack as large as the memory limit holds them.
#include <iostream>
#include <string>

static std::string text;
static std::size_t at;

static bool parse(char closing) {
    while (at < text.size()) {
        char c = text[at++];
        if (c == ')' || c == ']' || c == '}') return c == closing;
        if (!parse(c == '(' ? ')' : c == '[' ? ']' : '}')) return false;
    }
    return closing == 0;
}

int main() {
    int k;
    std::cin >> k;
    while (std::cin >> text) {
        at = 0;
        std::cout << (parse(0) ? "yes\n" : "no\n");
    }
}
