#include <stdio.h>
#include <stdlib.h>

#define N 50001
#define M 200000

static int first[N], next[M], target[M], done[N];
static double hours[M];
static struct entry {
    double time;
    int town;
} heap[M + 2];
static int size;

static void push(double time, int town) {
    int i = ++size;
    for (; i > 1 && heap[i / 2].time > time; i /= 2) heap[i] = heap[i / 2];
    heap[i] = (struct entry){time, town};
}

static struct entry pop(void) {
    struct entry top = heap[1], last = heap[size--];
    int i = 1;
    for (int child; (child = 2 * i) <= size; i = child) {
        if (child < size && heap[child + 1].time < heap[child].time) child++;
        if (heap[child].time >= last.time) break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

int main(void) {
    int n, m, u, v, length, speed, edges = 0;
    if (scanf("%d %d", &n, &m) != 2) return 1;
    for (int i = 0; i <= n; i++) first[i] = -1;
    while (m-- > 0) {
        if (scanf("%d %d %d %d", &u, &v, &length, &speed) != 4) return 1;
        for (int k = 0; k < 2; k++) {
            hours[edges] = (double)length / speed;
            target[edges] = k ? u : v;
            next[edges] = first[k ? v : u];
            first[k ? v : u] = edges++;
        }
    }
    push(0, 1);
    while (size) {
        struct entry at = pop();
        if (done[at.town]) continue;
        done[at.town] = 1;
        if (at.town == n) {
            printf("%.10f\n", at.time);
            return 0;
        }
        for (int e = first[at.town]; e >= 0; e = next[e])
            if (!done[target[e]]) push(at.time + hours[e], target[e]);
    }
    puts("impossible");
    return 0;
}
