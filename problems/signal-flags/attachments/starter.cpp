#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    std::string start, end;
    std::cin >> n >> start >> end;

    // Find an order; leave it empty if there is none.
    std::vector<std::string> signals;

    if (signals.empty()) std::cout << "impossible\n";
    for (const auto &signal : signals) std::cout << signal << '\n';
}
