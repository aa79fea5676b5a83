class Solution {
public:
    ListNode *turn(ListNode *convoy, int k) { return convoy.next; }
};
