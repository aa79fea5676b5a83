// Sends everything three times, which is right and too long.
#include <iostream>
#include <string>

int main() {
    std::string end, line;
    int t;
    std::cin >> end >> t;
    while (std::cin >> line) {
        if (end == "send") {
            std::cout << line << line << line << '\n';
            continue;
        }
        std::size_t count = line.size() / 3;
        for (std::size_t i = 0; i < count; i++)
            std::cout << (line[i] + line[i + count] + line[i + 2 * count] > 3 * '0' + 1);
        std::cout << '\n';
    }
}
