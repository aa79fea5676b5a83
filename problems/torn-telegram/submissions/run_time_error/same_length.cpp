// Expects the telegram to be as long as the message, which it was not.
#include <iostream>
#include <stdexcept>
#include <string>

int main() {
    std::string end, line;
    int t;
    std::cin >> end >> t;
    while (std::cin >> line) {
        if (end == "send") std::cout << line << line.substr(0, 8) << '\n';
        else std::cout << line.substr(0, 16).at(line.size()) << '\n';
    }
}
