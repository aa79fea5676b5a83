// Its table ends at the heaviest crate times two.
class Solution {
public:
    bool canShare(vector<int> &crates) {
        int total = accumulate(crates.begin(), crates.end(), 0), heaviest = 0;
        for (int crate : crates) heaviest = max(heaviest, crate);
        vector<bool> can(2 * heaviest + 1);
        can[0] = true;
        for (int crate : crates)
            for (int sum = total / 2; sum >= crate; sum--)
                if (can.at(sum - crate)) can.at(sum) = true;
        return total % 2 == 0 && can.at(total / 2);
    }
};
