#include <stdio.h>

static struct road {
    int u, v, length, speed;
} roads[100000];

int main(void) {
    int n, m;
    scanf("%d %d", &n, &m);
    for (int i = 0; i < m; i++)
        scanf("%d %d %d %d", &roads[i].u, &roads[i].v, &roads[i].length, &roads[i].speed);

    /* Find the least time from town 1 to town n. */
    double hours = -1;

    if (hours < 0) puts("impossible");
    else printf("%.12g\n", hours);
    return 0;
}
