#include <stdio.h>

static char a[2001], b[2001];

int main(void) {
    scanf("%2000s %2000s", a, b);

    /* Find the length of their longest common subsequence. */
    int length = 0;

    printf("%d\n", length);
    return 0;
}
