#include <cstdio>
#include <unordered_map>

int main() {
    int n;
    long long target, number;
    if (scanf("%d %lld", &n, &target) != 2) return 1;
    std::unordered_map<long long, int> seen;
    for (int j = 0; j < n; j++) {
        if (scanf("%lld", &number) != 1) return 1;
        auto found = seen.find(target - number);
        if (found != seen.end()) {
            printf("%d %d\n", found->second, j);
            return 0;
        }
        seen[number] = j;
    }
}
