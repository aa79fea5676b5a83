#include <stdio.h>

static char board[12][13];

int main(void) {
    int n;
    scanf("%d", &n);
    for (int y = 0; y < n; y++) scanf("%12s", board[y]);

    /* Count the ways to place n queens. */
    int ways = 0;

    printf("%d\n", ways);
    return 0;
}
