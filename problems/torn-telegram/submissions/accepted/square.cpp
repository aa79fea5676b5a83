// Signs in a square with the parity of each row and column: 16 and 8. Two parities tell the place.
#include <iostream>
#include <string>

int main() {
    std::string end, line;
    int t;
    std::cin >> end >> t;
    while (std::cin >> line) {
        int side = line.size() == 4 || line.size() == 8 ? 2 : 4, count = side * side;
        std::string parity(2 * side, '0');
        for (int i = 0; i < count; i++) {
            int sign = line[i] - '0';
            parity[i / side] ^= sign;
            parity[side + i % side] ^= sign;
        }
        if (end == "send") {
            std::cout << line << parity << '\n';
            continue;
        }
        int row = -1, column = -1;
        for (int i = 0; i < side; i++) {
            if (parity[i] != line[count + i]) row = i;
            if (parity[side + i] != line[count + side + i]) column = i;
        }
        if (row >= 0 && column >= 0) line[row * side + column] ^= 1;
        std::cout << line.substr(0, count) << '\n';
    }
}
