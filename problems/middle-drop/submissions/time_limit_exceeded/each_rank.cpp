// Goes through the drops once for each candidate.
#include <iostream>

int main() {
    unsigned long long n, s, a, c, m;
    std::cin >> n >> s >> a >> c >> m;
    unsigned long long candidate = s;
    for (unsigned long long i = 0; i < n; i++, candidate = (a * candidate + c) % m) {
        unsigned long long drop = s, below = 0, same = 0;
        for (unsigned long long j = 0; j < n; j++, drop = (a * drop + c) % m) {
            below += drop < candidate;
            same += drop == candidate;
        }
        if (below <= n / 2 && n / 2 < below + same) break;
    }
    std::cout << candidate << '\n';
}
