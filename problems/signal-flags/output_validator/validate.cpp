// Called as: validate INPUT ANSWER FEEDBACK_FOLDER < OUTPUT; 42 is right, 43 is wrong.
#include <bitset>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

std::string folder;

[[noreturn]] void refuse(const std::string &why) {
    std::ofstream(folder + "/judgemessage.txt") << why << '\n';
    std::exit(43);
}

bool is_signal(const std::string &word, std::size_t n) {
    return word.size() == n && word.find_first_not_of("01") == std::string::npos;
}

int main(int, char **args) {
    std::ios::sync_with_stdio(false);
    folder = args[3];
    std::ifstream input(args[1]), answer(args[2]);
    std::size_t n;
    std::string start, end, known, word;
    input >> n >> start >> end;
    answer >> known;
    if (!(std::cin >> word)) refuse("there is no output");
    std::string lower = word;
    for (char &letter : lower) letter = std::tolower(static_cast<unsigned char>(letter));
    if (lower == "impossible") {
        if (known != "impossible") refuse("there is an order");
        if (std::cin >> word) refuse("more follows behind impossible");
        return 42;
    }
    const unsigned long count = 1ul << n;
    std::vector<bool> shown(count);
    unsigned long before = 0;
    for (unsigned long i = 0; i < count; i++) {
        if (i > 0 && !(std::cin >> word)) refuse("only " + std::to_string(i) + " signals");
        if (!is_signal(word, n)) refuse("no signal: " + word.substr(0, 40));
        const unsigned long signal = std::bitset<32>(word).to_ulong();
        if (i == 0 && word != start) refuse("does not begin with " + start);
        if (i == count - 1 && word != end) refuse("does not end with " + end);
        if (shown[signal]) refuse(word + " is shown twice");
        if (i > 0 && std::bitset<32>(before ^ signal).count() != 1)
            refuse("more than one flag changes before " + word);
        shown[signal] = true;
        before = signal;
    }
    if (std::cin >> word) refuse("more follows behind the last signal");
    return 42;
}
