// Every chess board has eight columns; at() throws on larger ones.
#include <array>
#include <iostream>
#include <string>
#include <vector>

static int n;
static std::vector<std::string> board;
static std::array<bool, 8> column;
static std::array<bool, 15> rising, falling;

static int place(int y) {
    if (y == n) return 1;
    int ways = 0;
    for (int x = 0; x < n; x++) {
        bool &c = column.at(x), &r = rising.at(x + y), &f = falling.at(x - y + n - 1);
        if (board[y][x] != '.' || c || r || f) continue;
        c = r = f = true;
        ways += place(y + 1);
        c = r = f = false;
    }
    return ways;
}

int main() {
    std::cin >> n;
    board.resize(n);
    for (auto &row : board) std::cin >> row;
    std::cout << place(0) << '\n';
}
