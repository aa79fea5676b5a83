#include <stdio.h>
#include <string.h>

static char a[2001], b[2001];
static int table[2001][2001];

int main(void) {
    if (scanf("%2000s %2000s", a, b) != 2) return 1;
    int n = strlen(a), m = strlen(b);
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            int above = table[i - 1][j], left = table[i][j - 1];
            table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1
                                               : above > left ? above : left;
        }
    printf("%d\n", table[n][m]);
    return 0;
}
