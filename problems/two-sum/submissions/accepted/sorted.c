#include <stdio.h>
#include <stdlib.h>

struct item {
    long long value;
    int index;
};
static struct item items[150000];

static int by_value(const void *a, const void *b) {
    long long x = ((const struct item *)a)->value, y = ((const struct item *)b)->value;
    return (x > y) - (x < y);
}

int main(void) {
    int n;
    long long target;
    if (scanf("%d %lld", &n, &target) != 2) return 1;
    for (int k = 0; k < n; k++) {
        if (scanf("%lld", &items[k].value) != 1) return 1;
        items[k].index = k;
    }
    qsort(items, n, sizeof items[0], by_value);
    int low = 0, high = n - 1;
    while (items[low].value + items[high].value != target) {
        if (items[low].value + items[high].value < target) low++;
        else high--;
    }
    int i = items[low].index, j = items[high].index;
    printf("%d %d\n", i < j ? i : j, i < j ? j : i);
    return 0;
}
