#include <stdio.h>

static long long numbers[150000];

int main(void) {
    int n;
    long long target;
    scanf("%d %lld", &n, &target);
    for (int k = 0; k < n; k++) scanf("%lld", &numbers[k]);

    /* Find i < j with numbers[i] + numbers[j] == target. */
    int i = 0, j = 1;

    printf("%d %d\n", i, j);
    return 0;
}
