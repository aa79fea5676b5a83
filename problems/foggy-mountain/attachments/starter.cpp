#include <iostream>

int height(int mark) {
    std::cout << "? " << mark << std::endl;
    int metres;
    std::cin >> metres;
    return metres;
}

int main() {
    int n;
    std::cin >> n;

    // Find the summit.
    int summit = 1;

    std::cout << "! " << summit << std::endl;
}
