#include <iostream>

int main() {
    unsigned long long long n;
    std::cin >> n;
}
