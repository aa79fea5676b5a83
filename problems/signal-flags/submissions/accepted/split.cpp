// As in split.py, with a set of masts in an integer.
#include <bitset>
#include <iostream>
#include <string>

int n;
std::string out;

void walk(int start, int end, int masts) {
    if (masts == 0) {
        out += std::bitset<15>(start).to_string().substr(15 - n) + '\n';
        return;
    }
    int mast = (start ^ end) & masts;
    mast &= -mast;
    int rest = masts ^ mast;
    int between = start ^ (rest & -rest);
    walk(start, between, rest);
    walk(between ^ mast, end, rest);
}

int main() {
    std::string start, end;
    std::cin >> n >> start >> end;
    int s = std::stoi(start, nullptr, 2), t = std::stoi(end, nullptr, 2);
    if (std::bitset<15>(s ^ t).count() % 2 == 0) out = "impossible\n";
    else walk(s, t, (1 << n) - 1);
    std::cout << out;
}
