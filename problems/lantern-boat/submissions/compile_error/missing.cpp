#include <cstdio>

int main() {
    std::printf("%.9f\n", std::hypot(lanterns, 4));
}
