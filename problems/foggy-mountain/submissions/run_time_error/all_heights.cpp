// Keeps heights in too small an array.
#include <iostream>
#include <vector>

std::vector<int> heights(1000);

int height(int mark) {
    std::cout << "? " << mark << std::endl;
    std::cin >> heights.at(mark);
    return heights[mark];
}

int main() {
    int low = 1, high;
    std::cin >> high;
    while (low < high) {
        int middle = (low + high) / 2;
        if (height(middle) < height(middle + 1)) low = middle + 1;
        else high = middle;
    }
    std::cout << "! " << low << std::endl;
}
