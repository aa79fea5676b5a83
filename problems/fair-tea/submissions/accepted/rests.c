#include <stdio.h>

static int seen[1000000];

int main(void) {
    int n, k, brick, rest = 0;
    long long ways = 0;
    if (scanf("%d %d", &n, &k) != 2) return 1;
    seen[0] = 1;
    while (n-- > 0) {
        if (scanf("%d", &brick) != 1) return 1;
        rest = (rest + brick) % k;
        ways += seen[rest]++;
    }
    printf("%lld\n", ways);
    return 0;
}
