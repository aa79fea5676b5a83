#include <stdio.h>

static int bricks[100000];

int main(void) {
    int n, k;
    scanf("%d %d", &n, &k);
    for (int i = 0; i < n; i++) scanf("%d", &bricks[i]);

    /* Count the ways. */
    long long ways = 0;

    printf("%lld\n", ways);
    return 0;
}
