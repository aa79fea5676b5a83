// Counts by the upper 16 bits; then, among those of the middle one, by the lower 16.
#include <iostream>
#include <vector>

unsigned long long n, s, a, c, m;

unsigned find(unsigned long long &rank, long long upper) {
    std::vector<unsigned> count(65536);
    unsigned long long drop = s;
    for (unsigned long long i = 0; i < n; i++, drop = (a * drop + c) % m) {
        if (upper < 0) count[drop >> 16]++;
        else if ((long long)(drop >> 16) == upper) count[drop & 65535]++;
    }
    unsigned value = 0;
    while (rank >= count[value]) rank -= count[value++];
    return value;
}

int main() {
    std::cin >> n >> s >> a >> c >> m;
    unsigned long long rank = n / 2;
    unsigned upper = find(rank, -1);
    unsigned lower = find(rank, upper);
    std::cout << upper * 65536ull + lower << '\n';
}
