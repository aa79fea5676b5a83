// Tries orders one by one, and goes back where there is no way on.
#include <cstdlib>
#include <iostream>
#include <vector>

int n, k;
std::vector<int> row;
std::vector<bool> sits;

bool seat() {
    if ((int)row.size() == n) return true;
    for (int pupil = 1; pupil <= n; pupil++) {
        if (sits[pupil] || (!row.empty() && std::abs(row.back() - pupil) < k)) continue;
        sits[pupil] = true;
        row.push_back(pupil);
        if (seat()) return true;
        row.pop_back();
        sits[pupil] = false;
    }
    return false;
}

int main() {
    std::cin >> n >> k;
    sits.resize(n + 1);
    if (n > 1 && k > n / 2) std::cout << "impossible\n";
    else if (seat())
        for (int pupil : row) std::cout << pupil << ' ';
}
