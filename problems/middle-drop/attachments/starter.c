#include <stdio.h>

int main(void) {
    unsigned long long n, s, a, c, m;
    scanf("%llu %llu %llu %llu %llu", &n, &s, &a, &c, &m);

    /* Find the weight of the middle drop. */
    unsigned long long middle = 0;

    printf("%llu\n", middle);
    return 0;
}
