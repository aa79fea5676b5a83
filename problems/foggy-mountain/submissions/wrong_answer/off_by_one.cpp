// Loses the summit when it is the right one of the two.
#include <iostream>

int height(int mark) {
    std::cout << "? " << mark << std::endl;
    int metres;
    std::cin >> metres;
    return metres;
}

int main() {
    int low = 1, high;
    std::cin >> high;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        (height(middle) < height(middle + 1) ? low : high) = middle;
    }
    std::cout << "! " << low << std::endl;
}
