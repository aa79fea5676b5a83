// The product does not fit into a signed number of 64 bits.
#include <iostream>
#include <vector>

long long n, s, a, c, m;

long long find(long long &rank, long long upper) {
    std::vector<int> count(65536);
    long long drop = s;
    for (long long i = 0; i < n; i++) {
        if (upper < 0) count[drop >> 16 & 65535]++;
        else if ((drop >> 16) == upper) count[drop & 65535]++;
        drop = (long long)((unsigned long long)a * drop + c) % m;
    }
    long long value = 0;
    while (value < 65535 && rank >= count[value]) rank -= count[value++];
    return value;
}

int main() {
    std::cin >> n >> s >> a >> c >> m;
    long long rank = n / 2;
    long long upper = find(rank, -1);
    std::cout << upper * 65536 + find(rank, upper) << '\n';
}
