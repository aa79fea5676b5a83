// Goes on with any signal that was not shown yet, and comes back where there is none.
#include <bitset>
#include <iostream>
#include <string>
#include <vector>

int n, s, t;
std::vector<int> order;
std::vector<bool> shown;

bool walk(int signal) {
    order.push_back(signal);
    shown[signal] = true;
    if (order.size() == 1u << n && signal == t) return true;
    for (int mast = 1 << (n - 1); mast > 0; mast >>= 1)
        if (!shown[signal ^ mast] && walk(signal ^ mast)) return true;
    order.pop_back();
    shown[signal] = false;
    return false;
}

int main() {
    std::string start, end;
    std::cin >> n >> start >> end;
    s = std::stoi(start, nullptr, 2), t = std::stoi(end, nullptr, 2);
    shown.resize(1 << n);
    if (!walk(s)) std::cout << "impossible\n";
    for (int signal : order) std::cout << std::bitset<15>(signal).to_string().substr(15 - n) << '\n';
}
