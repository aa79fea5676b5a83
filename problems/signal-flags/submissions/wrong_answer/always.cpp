// Takes for granted that there is an order; of an impossible pair it makes a walk with a jump.
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
    if (mast == 0) mast = masts;
    mast &= -mast;
    int rest = masts ^ mast;
    int between = start ^ (rest & -rest);
    walk(start, between, rest);
    walk(between ^ mast, end, rest);
}

int main() {
    std::string start, end;
    std::cin >> n >> start >> end;
    walk(std::stoi(start, nullptr, 2), std::stoi(end, nullptr, 2), (1 << n) - 1);
}
