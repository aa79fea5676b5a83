#include <iostream>
#include <string>

int main() {
    std::string a, b;
    std::cin >> a >> b;
    int length = a;
    std::cout << length << '\n';
}
