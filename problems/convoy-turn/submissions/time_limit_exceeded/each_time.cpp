class Solution {
public:
    ListNode *turn(ListNode *convoy, int k) {
        if (!convoy || !convoy->next) return convoy;
        while (k-- > 0) {
            ListNode *at = convoy;
            while (at->next->next) at = at->next;
            at->next->next = convoy;
            convoy = at->next;
            at->next = nullptr;
        }
        return convoy;
    }
};
