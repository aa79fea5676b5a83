#include <stdio.h>

static char board[12][13];
static int n, column[12], rising[23], falling[23];

static int place(int y) {
    if (y == n) return 1;
    int ways = 0;
    for (int x = 0; x < n; x++) {
        int *up = &rising[x + y], *down = &falling[x - y + n - 1];
        if (board[y][x] != '.' || column[x] || *up || *down) continue;
        column[x] = *up = *down = 1;
        ways += place(y + 1);
        column[x] = *up = *down = 0;
    }
    return ways;
}

int main(void) {
    if (scanf("%d", &n) != 1) return 1;
    for (int y = 0; y < n; y++)
        if (scanf("%12s", board[y]) != 1) return 1;
    printf("%d\n", place(0));
    return 0;
}
