#include <iostream>
#include <string>

int main() {
    int k
    std::cin >> k;
}
