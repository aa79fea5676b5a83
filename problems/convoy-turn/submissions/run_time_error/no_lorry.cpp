class Solution {
public:
    ListNode *turn(ListNode *convoy, int k) {
        vector<int> values;
        for (ListNode *at = convoy; at; at = at->next) values.push_back(at->val);
        k %= values.size();
        rotate(values.begin(), values.end() - k, values.end());
        ListNode *first = nullptr;
        for (; !values.empty(); values.pop_back()) first = new ListNode(values.back(), first);
        return first;
    }
};
