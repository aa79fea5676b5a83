// Forgets one of the two directions.
#include <iostream>
#include <string>

static int n, whole[12];

static int place(int y, int columns, int left) {
    if (y == n) return 1;
    int ways = 0;
    for (int open = whole[y] & ~(columns | left); open; open &= open - 1) {
        int square = open & -open;
        ways += place(y + 1, columns | square, (left | square) << 1);
    }
    return ways;
}

int main() {
    std::cin >> n;
    for (int y = 0; y < n; y++) {
        std::string row;
        std::cin >> row;
        for (int x = 0; x < n; x++)
            if (row[x] == '.') whole[y] |= 1 << x;
    }
    std::cout << place(0, 0, 0) << '\n';
}
