// Is no receiver: it waits for a second sender.
#include <iostream>
#include <string>

int main() {
    std::string end, line;
    int t;
    std::cin >> end >> t;
    while (std::cin >> line) std::cout << line << '\n';
    for (volatile bool sender = end == "send"; !sender;) {
    }
}
