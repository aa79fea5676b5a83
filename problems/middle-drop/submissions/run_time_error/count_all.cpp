// One counter for each weight that there might be, if they are few.
#include <iostream>
#include <vector>

int main() {
    unsigned long long n, s, a, c, m;
    std::cin >> n >> s >> a >> c >> m;
    std::vector<unsigned> count(1000);
    for (unsigned long long i = 0; i < n; i++) {
        count.at(s)++;
        s = (a * s + c) % m;
    }
    unsigned long long rank = n / 2, value = 0;
    while (rank >= count[value]) rank -= count[value++];
    std::cout << value << '\n';
}
