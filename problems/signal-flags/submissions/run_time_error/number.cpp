// Reads signals as decimal numbers, which stoi refuses from 11 flags on.
#include <iostream>
#include <string>

int n;

void walk(int start, int end, int masts) {
    if (masts == 0) {
        for (int mast = n - 1; mast >= 0; mast--) std::cout << (start >> mast & 1);
        std::cout << '\n';
        return;
    }
    int mast = (start ^ end) & masts;
    mast &= -mast;
    int rest = masts ^ mast;
    int between = start ^ (rest & -rest);
    walk(start, between, rest);
    walk(between ^ mast, end, rest);
}

int read() {
    std::string signal;
    std::cin >> signal;
    int decimal = std::stoi(signal), value = 0;
    for (int mast = 1; decimal > 0; decimal /= 10, mast *= 2) value += mast * (decimal % 10);
    return value;
}

int main() {
    std::cin >> n;
    int start = read(), end = read();
    if (__builtin_popcount(start ^ end) % 2 == 0) std::cout << "impossible\n";
    else walk(start, end, (1 << n) - 1);
}
