#include <iostream>
#include <string>

int main() {
    std::string end, line;
    int t;
    std::cin >> end >> t;
    while (std::cin >> line) {
        if (end == "send") std::cout << line << '\n';  // Add what the receiver needs.
        else std::cout << line << '\n';                // Find the message.
    }
}
