// Takes for granted that the first number has a partner: at() throws otherwise.
#include <iostream>
#include <map>
#include <vector>

int main() {
    long long n, target;
    std::cin >> n >> target;
    std::vector<long long> numbers(n);
    std::map<long long, int> last;
    for (int i = 0; i < n; i++) {
        std::cin >> numbers[i];
        last[numbers[i]] = i;
    }
    for (int i = 0; i < n; i++) {
        int j = last.at(target - numbers[i]);
        if (i < j) {
            std::cout << i << ' ' << j << '\n';
            return 0;
        }
    }
}
