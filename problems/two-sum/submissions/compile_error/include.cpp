int main() {
    int n, target;
    std::cin >> n >> target;
}
