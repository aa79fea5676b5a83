// Takes broken squares for walls: queens do not attack across them.
#include <iostream>
#include <string>
#include <vector>

static int n;
static std::vector<std::string> board;
static std::vector<int> queens;

static bool attacked(int x, int y) {
    for (int dx = -1; dx <= 1; dx++)
        for (int k = 1; k <= y; k++) {
            int column = x + dx * k;
            if (column < 0 || column >= n || board[y - k][column] == '#') break;
            if (queens[y - k] == column) return true;
        }
    return false;
}

static int place() {
    int y = queens.size();
    if (y == n) return 1;
    int ways = 0;
    for (int x = 0; x < n; x++) {
        bool taken = board[y][x] == '#' || attacked(x, y);
        for (int queen : queens) taken = taken || queen == x;
        if (taken) continue;
        queens.push_back(x);
        ways += place();
        queens.pop_back();
    }
    return ways;
}

int main() {
    std::cin >> n;
    board.resize(n);
    for (auto &row : board) std::cin >> row;
    std::cout << place() << '\n';
}
