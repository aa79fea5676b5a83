#include <iostream>

int main() {
    string end;
    std::cin >> end;
}
