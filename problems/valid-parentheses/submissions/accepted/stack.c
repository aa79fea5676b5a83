#include <stdio.h>

static char text[1000001], expected[1000001];

static int is_valid(void) {
    int depth = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '(') expected[depth++] = ')';
        else if (*c == '[') expected[depth++] = ']';
        else if (*c == '{') expected[depth++] = '}';
        else if (depth == 0 || expected[--depth] != *c) return 0;
    }
    return depth == 0;
}

int main(void) {
    int k;
    if (scanf("%d", &k) != 1) return 1;
    while (scanf("%1000000s", text) == 1) puts(is_valid() ? "yes" : "no");
    return 0;
}
