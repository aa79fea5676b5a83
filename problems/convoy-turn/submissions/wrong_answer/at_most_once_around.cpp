// Takes a convoy that has gone all around for one that stays.
class Solution {
public:
    ListNode *turn(ListNode *convoy, int k) {
        vector<int> values;
        for (ListNode *at = convoy; at; at = at->next) values.push_back(at->val);
        int n = values.size();
        rotate(values.begin(), values.begin() + max(0, n - k), values.end());
        int i = 0;
        for (ListNode *at = convoy; at; at = at->next) at->val = values[i++];
        return convoy;
    }
};
