// Puts a queen on any square of each row and looks only at the full board.
#include <iostream>
#include <string>
#include <vector>

static int n;
static std::vector<std::string> board;

static bool peaceful(const std::vector<int> &queens) {
    for (int a = 0; a < n; a++)
        for (int b = 0; b < a; b++) {
            int distance = queens[a] - queens[b];
            if (distance == 0 || distance == a - b || distance == b - a) return false;
        }
    return true;
}

static int place(std::vector<int> &queens) {
    int y = queens.size();
    if (y == n) return peaceful(queens);
    int ways = 0;
    for (int x = 0; x < n; x++) {
        if (board[y][x] != '.') continue;
        queens.push_back(x);
        ways += place(queens);
        queens.pop_back();
    }
    return ways;
}

int main() {
    std::cin >> n;
    board.resize(n);
    for (auto &row : board) std::cin >> row;
    std::vector<int> queens;
    std::cout << place(queens) << '\n';
}
