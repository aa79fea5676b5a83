class Solution {
public:
    ListNode *turn(ListNode *convoy, int k) {
        vector<int> values;
        for (ListNode *at = convoy; at; at = at->next) values.push_back(at->val);
        int n = values.size();
        if (n == 0) return nullptr;
        rotate(values.begin(), values.begin() + (n - k % n) % n, values.end());
        int i = 0;
        for (ListNode *at = convoy; at; at = at->next) at->val = values[i++];
        return convoy;
    }
};
